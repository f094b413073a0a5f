"""The few requests that a node agent makes of the API server."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
import tempfile
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Document = dict[str, Any]

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
RETRY_S = 0.5
WATCH_S = 300


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The API server refused a request."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:300]}")
        self.status = status


class Api:
    """One session with the API server, under the identity of a kubeconfig."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def get(self, path: str) -> Document:
        return await self._ask("GET", path)

    async def create(self, path: str, body: Document) -> Document:
        return await self._ask("POST", path, body=body)

    async def replace(self, path: str, body: Document) -> Document:
        return await self._ask("PUT", path, body=body)

    async def patch(self, path: str, body: Document, kind: str = STRATEGIC) -> Document:
        return await self._ask("PATCH", path, body=body, content_type=kind)

    async def delete(self, path: str, *, uid: str) -> None:
        """Deletes at once, and only the object of this uid; asks again until the API server has answered."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
        while True:
            try:
                await self._ask("DELETE", path, body=body)
            except Refusal as refusal:
                if refusal.status < 500 and refusal.status != 429:
                    return
            except OSError:
                pass
            else:
                return
            await asyncio.sleep(RETRY_S)

    async def follow(self, path: str) -> AsyncIterator[tuple[str, Document]]:
        """All objects of `path` as ("LISTED", list), then each change as (type, object); lists again after a break."""
        while True:
            try:
                listed = await self.get(path)
                yield "LISTED", listed
                version = listed["metadata"]["resourceVersion"]
                query = f"{path}{'&' if '?' in path else '?'}watch=1&resourceVersion={version}&timeoutSeconds={WATCH_S}"
                async with self.session.get(self.url + query, timeout=aiohttp.ClientTimeout(total=None)) as answer:
                    async for line in answer.content:
                        event = json.loads(line)
                        if event["type"] == "ERROR":
                            break
                        yield event["type"], event["object"]
            except (aiohttp.ClientError, Refusal, OSError, ValueError):
                await asyncio.sleep(RETRY_S)

    async def _ask(
        self, method: str, path: str, *, body: Document | None = None, content_type: str = "application/json"
    ) -> Document:
        payload = json.dumps(body) if body is not None else None
        headers = {"Content-Type": content_type}
        try:
            async with self.session.request(method, self.url + path, data=payload, headers=headers) as answer:
                text = await answer.text()
        except aiohttp.ClientError as fault:
            raise ConnectionError(f"no answer to {method} {path}: {fault}") from fault
        if answer.status >= 400:
            raise Refusal(answer.status, text)
        received: Document = json.loads(text)
        return received


@contextlib.asynccontextmanager
async def connect(raw: Document) -> AsyncIterator[Api]:
    """A session with the identity of a kubeconfig that `pki` made."""
    cluster, user = raw["clusters"][0]["cluster"], raw["users"][0]["user"]
    trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        pair.flush()
        trust.load_cert_chain(pair.name)
    connector = aiohttp.TCPConnector(ssl=trust, limit=0)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=2**24) as session:
        yield Api(session, cluster["server"])

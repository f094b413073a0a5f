"""Calls to a real API server, with the credentials and the session of the `kubernetes` client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from kubernetes.aio import client, config

from glia_operator.adapters import kube
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

METHODS = {"get": "GET", "list": "GET", "watch": "GET", "create": "POST", "patch": "PATCH", "delete": "DELETE"}
TIMEOUT = aiohttp.ClientTimeout(total=30.0)
STREAM = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=90.0)
"""A stream has no end that is known, but bookmarks every minute."""
NO_ANSWER = (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError)
LONGEST_REASON = 500
ERROR = 400
"""HTTP: from here on something is wrong."""


async def configuration() -> client.Configuration:
    """Where the API server is and who we are: in a cluster the ServiceAccount, else KUBECONFIG.

    Raises:
        InputFault: neither is there.
    """
    found = client.Configuration()
    found.connection_pool_maxsize = 0  # streams hold theirs; how many calls there are at a time is decided elsewhere
    try:
        config.load_incluster_config(client_configuration=found)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        try:
            await config.load_kube_config(client_configuration=found)  # type: ignore[no-untyped-call]
        except (config.ConfigException, OSError, TypeError) as error:
            where = os.environ.get("KUBECONFIG", "~/.kube/config")
            raise faults.InputFault(
                f"no credentials for a cluster: not in a pod, and {where}: {error}; set KUBECONFIG to a kubeconfig file"
            ) from None
    return found


class HttpKube:
    """One HTTP request a call.

    Args:
        found: server and credentials.
        count: told the verb and the HTTP code of every request; code 0 = no answer.
    """

    def __init__(self, found: client.Configuration, count: Callable[[str, int], None]) -> None:
        self._client = client.ApiClient(configuration=found)
        self._count = count

    async def send(self, call: kube.Call) -> kube.Object:
        """The answer's body; raises as `kube.Kube.send`."""
        try:
            answer = await self._asked(call, TIMEOUT)
            content = await answer.read()
        except NO_ANSWER as error:
            raise self._unanswered(call, error) from None
        self._count(call.verb, answer.status)
        if answer.status >= ERROR:
            raise _fault(call, answer.status, content, answer.headers.get("Retry-After"))
        return _parsed(call, content)

    async def watch(self, call: kube.Call) -> AsyncIterator[kube.Object]:
        """Events until the stream ends; raises as `kube.Streams.watch`."""
        try:
            answer = await self._asked(call, STREAM)
            with contextlib.closing(answer):
                self._count(call.verb, answer.status)
                if answer.status >= ERROR:
                    raise _fault(call, answer.status, await answer.read(), answer.headers.get("Retry-After"))
                async for line in answer.content:
                    yield _parsed(call, line)
        except (*NO_ANSWER, ValueError) as error:
            raise self._unanswered(call, error) from None

    async def _asked(self, call: kube.Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        headers = {"Accept": call.accept, "Content-Type": call.content}
        method = METHODS[call.verb]
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], call.path, method, call.body)
        wrapped = await self._client.rest_client.request(  # type: ignore[no-untyped-call]
            method,
            self._client.configuration.host + call.path,
            headers=headers,
            body=call.body,
            _request_timeout=limits,
        )
        answer: aiohttp.ClientResponse = wrapped.response
        return answer

    def _unanswered(self, call: kube.Call, error: BaseException) -> kube.Unavailable:
        self._count(call.verb, 0)
        return kube.Unavailable(call, f"no answer: {type(error).__name__} {error}".strip())

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]


def _parsed(call: kube.Call, content: bytes) -> kube.Object:
    try:
        body: Any = json.loads(content)
    except ValueError:
        raise kube.Unavailable(call, "the answer is not JSON") from None
    if not isinstance(body, dict):
        raise kube.Unavailable(call, f"the answer is {type(body).__name__}, not an object")
    return body


def _fault(call: kube.Call, code: int, content: bytes, retry_after: str | None) -> kube.KubeFault:
    try:
        status = json.loads(content)
        reason, why = str(status.get("reason", "")), str(status.get("message", ""))
    except (ValueError, AttributeError):
        reason, why = "", content.decode(errors="replace")
    wait_s = float(retry_after) if retry_after is not None and retry_after.isdigit() else None
    return kube.fault(call, code, reason, f"HTTP {code} {' '.join(why.split())}"[:LONGEST_REASON], retry_after_s=wait_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What another HTTP client needs to be the same user at the same server."""

    server: str
    ca_path: str | None
    ca_data: str | None
    insecure: bool
    token: str | None
    certificate_path: str | None
    key_path: str | None


async def login() -> Login:
    """The credentials as they are now: tokens of ServiceAccounts change while a process runs.

    Raises:
        InputFault: there are none.
    """
    found = await configuration()
    bearer = str(found.api_key.get("BearerToken") or "")
    return Login(
        server=found.host,
        ca_path=found.ssl_ca_cert,
        ca_data=None if found.ca_cert_data is None else str(found.ca_cert_data),
        insecure=not found.verify_ssl,
        token=bearer.partition(" ")[2] or None,
        certificate_path=found.cert_file,
        key_path=found.key_file,
    )

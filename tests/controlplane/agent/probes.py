"""Asks a container whether it is well, as its probes say."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from controlplane.agent import sandbox

Document = dict[str, Any]
Heard = Callable[[bool], Awaitable[None] | None]

GOOD = range(200, 400)
UNVERIFIED = ssl.create_default_context()
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE


def port_of(wanted: int | str, container: Document) -> int:
    """A port by number, or by the name that the container gives it."""
    if isinstance(wanted, int) or wanted.isdigit():
        return int(wanted)
    return next(int(port["containerPort"]) for port in container.get("ports", []) if port.get("name") == wanted)


async def succeeds(handler: Document, container: Document, process: sandbox.Process, address: str) -> bool:
    """One attempt of a probe or a hook; every failure is False."""
    try:
        if "exec" in handler:
            return await process.execute(handler["exec"]["command"]) == 0
        if "httpGet" in handler:
            return await _http(handler["httpGet"], container, address)
        if "sleep" in handler:
            await asyncio.sleep(handler["sleep"]["seconds"])
            return True
        wanted = handler.get("tcpSocket") or handler["grpc"]
        _, writer = await asyncio.open_connection(wanted.get("host", address), port_of(wanted["port"], container))
        writer.close()
    except (OSError, aiohttp.ClientError, StopIteration, ValueError):
        return False
    return True


async def _http(wanted: Document, container: Document, address: str) -> bool:
    scheme = wanted.get("scheme", "HTTP").lower()
    url = f"{scheme}://{wanted.get('host') or address}:{port_of(wanted['port'], container)}{wanted.get('path', '/')}"
    headers = {header["name"]: header["value"] for header in wanted.get("httpHeaders", [])}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=UNVERIFIED, force_close=True)) as session,
        session.get(url, headers={"User-Agent": "kube-probe/1", **headers}, allow_redirects=False) as answer,
    ):
        return answer.status in GOOD


async def watch(
    probe: Document, attempt: Callable[[], Awaitable[bool]], heard: Callable[[bool], Awaitable[None]]
) -> None:
    """Probes until cancelled; `heard` is told True after enough successes, False after enough failures."""
    await asyncio.sleep(probe.get("initialDelaySeconds", 0))
    successes = failures = 0
    while True:
        good = await _timely(attempt, probe.get("timeoutSeconds", 1))
        successes, failures = (successes + 1, 0) if good else (0, failures + 1)
        if successes == probe.get("successThreshold", 1):
            await heard(True)
        if failures == probe.get("failureThreshold", 3):
            await heard(False)
        await asyncio.sleep(probe.get("periodSeconds", 10))


async def _timely(attempt: Callable[[], Awaitable[bool]], timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await attempt()
    except TimeoutError:
        return False

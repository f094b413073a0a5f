"""The two small servers: health for the kubelet, metrics for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = tuple[bool, dict[str, object]]
"""Whether all is well, and what to say about it."""
UNWELL = 503


async def serve_health(port: int, healthy: Callable[[], Answer], ready: Callable[[], Answer]) -> web.AppRunner:
    """`/healthz` and `/readyz` on all addresses; 503 where the answer is no."""

    async def healthz(_request: web.Request) -> web.Response:
        return _said(healthy())

    async def readyz(_request: web.Request) -> web.Response:
        return _said(ready())

    return await _serve(port, [web.get("/healthz", healthz), web.get("/readyz", readyz)])


async def serve_metrics(port: int, page: Callable[[], bytes]) -> web.AppRunner:
    """`/metrics` on all addresses."""

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=page(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return await _serve(port, [web.get("/metrics", metrics)])


def _said(answer: Answer) -> web.Response:
    well, words = answer
    return web.json_response(words, status=200 if well else UNWELL)


async def _serve(port: int, routes: list[web.RouteDef]) -> web.AppRunner:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner

"""The part of a kubelet's server that `kubectl logs` needs."""

from __future__ import annotations

import asyncio
import collections
import ssl
from typing import TYPE_CHECKING

from aiohttp import web

from controlplane.agent import machine, recipes

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

    from controlplane import layout
    from controlplane.agent import node

POLL_S = 0.2


async def serve(plan: layout.Layout, nodes: Mapping[str, node.Node]) -> None:
    """Serves containers' logs at every node's address, for ever."""
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(plan.pki / "kubelet.crt", plan.pki / "kubelet.key")
    for each in nodes.values():
        app = web.Application()
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", _Logs(plan, each).answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, each.site.address, machine.KUBELET_PORT, ssl_context=trust).start()
    await asyncio.Event().wait()


class _Logs:
    """The logs of one node's pods."""

    def __init__(self, plan: layout.Layout, of: node.Node) -> None:
        self.plan = plan
        self.node = of

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Sends a log, whole or its last lines, and what follows while the container runs if asked to."""
        path = self._path(request)
        if path is None:
            raise web.HTTPNotFound(text="this container has not been started")
        tail = int(request.query.get("tailLines", "-1"))
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        with path.open("rb") as log:
            await response.write(log.read() if tail < 0 else b"".join(collections.deque(log, maxlen=tail)))
            while request.query.get("follow") == "true" and self._runs(request):
                await asyncio.sleep(POLL_S)
                await response.write(log.read())
        return response

    def _path(self, request: web.Request) -> pathlib.Path | None:
        wanted = request.match_info
        for known in self.node.known.values():
            meta = known["metadata"]
            if (meta["namespace"], meta["name"]) == (wanted["namespace"], wanted["pod"]):
                folder = recipes.log_folder(self.plan, known) / wanted["container"]
                starts = sorted(folder.glob("*.log"), key=lambda path: int(path.stem))
                nth = 2 if request.query.get("previous") == "true" else 1
                return starts[-nth] if len(starts) >= nth else None
        return None

    def _runs(self, request: web.Request) -> bool:
        wanted = request.match_info
        for running, _ in self.node.pods.values():
            if (running.pod["metadata"]["namespace"], running.pod["metadata"]["name"]) == (
                wanted["namespace"],
                wanted["pod"],
            ):
                each = [*running.inits, *running.containers]
                return any(it.process is not None and it.spec["name"] == wanted["container"] for it in each)
        return False

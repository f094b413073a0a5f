"""One node: registered, kept alive by its lease, with its pods; it can go down and come back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from controlplane.agent import api, machine, network, pod, recipes

Document = dict[str, Any]


LOG = logging.getLogger("node")


class Node:
    """A fake machine and what runs on it."""

    def __init__(self, kind: str, site: recipes.Site) -> None:
        self.kind = kind
        self.site = site
        self.up = True
        self.reachable = True
        self.known: dict[str, Document] = {}
        self.pods: dict[str, tuple[pod.Pod, asyncio.Task[None]]] = {}

    async def register(self) -> None:
        """Creates the node with its status, or takes over one of the same name."""
        if self.site.plan.isolated:
            await network.add_node_address(self.site.address)
        with contextlib.suppress(api.Refusal):
            await self.site.api.create("/api/v1/nodes", machine.node(self.kind, self.site.node))
        await self._say_healthy()
        asyncio.create_task(self._renew())  # noqa: RUF006 - lives as long as the process

    async def _say_healthy(self) -> None:
        now = machine.now_text()
        status = machine.status(self.kind, address=self.site.address, now=now)
        await self.site.api.patch(f"/api/v1/nodes/{self.site.node}/status", {"status": status})

    async def _renew(self) -> None:
        """Renews the lease for ever; reports healthy again after a time of silence."""
        silent = False
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{self.site.node}"
        while True:
            if self.up and self.reachable:
                with contextlib.suppress(api.Refusal, OSError):
                    if silent:
                        await self._say_healthy()
                    await self._write_lease(path)
                    silent = False
            else:
                silent = True
            await asyncio.sleep(machine.RENEWAL_S)

    async def _write_lease(self, path: str) -> None:
        lease = machine.lease(self.site.node, now=machine.now_micro_text())
        try:
            await self.site.api.patch(path, {"spec": lease["spec"]}, api.MERGE)
        except api.Refusal as refusal:
            if refusal.status != 404:
                raise
            await self.site.api.create(path.rsplit("/", 1)[0], lease)

    def hear(self, event: str, received: Document) -> None:
        """Follows one change of one of its pods."""
        uid = received["metadata"]["uid"]
        if event == "DELETED":
            self.known.pop(uid, None)
            self._drop(uid)
            return
        self.known[uid] = received
        if not (self.up and self.reachable):
            return
        if uid in self.pods:
            self.pods[uid][0].update(received)
        elif received.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
            self._begin(received)
        elif "deletionTimestamp" in received["metadata"]:
            self._begin(received, finished=True)

    def _begin(self, received: Document, *, finished: bool = False) -> None:
        started = pod.Pod(received, self.site)
        if finished:
            started.containers, started.inits = [], []
        task = asyncio.create_task(started.run())
        uid = received["metadata"]["uid"]
        self.pods[uid] = (started, task)
        task.add_done_callback(lambda done: self._end(uid, done))
        started.update(received)

    def _end(self, uid: str, task: asyncio.Task[None]) -> None:
        self.pods.pop(uid, None)
        if not task.cancelled() and task.exception() is not None:
            LOG.error("the pod %s is lost", uid, exc_info=task.exception())

    def _drop(self, uid: str) -> None:
        """The object is gone: so must be the processes, with what grace they were promised."""
        if uid in self.pods:
            gone = self.pods[uid][0].pod
            gone["metadata"].setdefault("deletionTimestamp", machine.now_text())
            self.pods[uid][0].update(gone)

    async def go_down(self) -> None:
        """A power cut: everything on it ends at once, and nobody says so to the API server."""
        self.up = False
        tasks = [task for _, task in self.pods.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut_off(self) -> None:
        """The node's agent loses the API server; its pods run on."""
        self.reachable = False

    async def come_back(self) -> None:
        """The node answers again and starts what is bound to it."""
        self.up = self.reachable = True
        await self._say_healthy()
        for uid in [uid for uid in self.pods if uid not in self.known]:
            self._drop(uid)
        for received in list(self.known.values()):
            self.hear("MODIFIED", received)

"""One pod on one node, from its binding to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from typing import TYPE_CHECKING, Any

from controlplane.agent import api, container, machine, network, recipes, status, variables, volumes

if TYPE_CHECKING:
    import pathlib

Document = dict[str, Any]

LOG = logging.getLogger("pod")
RETRY_S = 1.0
DEFAULT_GRACE_S = 30.0


class Pod:
    """Runs a pod's containers and reports its status until it is deleted."""

    def __init__(self, pod: Document, site: recipes.Site) -> None:
        self.pod = pod
        self.site = site
        self.uid: str = pod["metadata"]["uid"]
        self.folder: pathlib.Path = site.plan.folder / "pods" / self.uid
        self.address = site.addresses.take()
        self.pause: asyncio.subprocess.Process | None = None
        self.began = machine.now_text()
        self.changed = asyncio.Event()
        self.leaving = asyncio.Event()
        self.leave_at = 0.0
        self.initialized = not pod["spec"].get("initContainers")
        self.online = False
        restart = pod["spec"].get("restartPolicy", "Always")
        self.containers = [self._container(spec, restart) for spec in pod["spec"]["containers"]]
        once = "Never" if restart == "Never" else "OnFailure"
        self.inits = [self._container(spec, once) for spec in pod["spec"].get("initContainers", [])]
        self.volumes: dict[str, pathlib.Path] = {}

    @property
    def path(self) -> str:
        meta = self.pod["metadata"]
        return f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"

    def _container(self, spec: Document, restart: str) -> container.Container:
        return container.Container(
            spec, restart=restart, address=self.address, prepare=self._prepare, changed=self.changed.set
        )

    def update(self, pod: Document) -> None:
        """Takes a newer version of the object; a deletion begins the end, a shorter grace hastens it."""
        self.pod = pod
        if "deletionTimestamp" not in pod["metadata"]:
            self.changed.set()
            return
        grace_s = float(pod["metadata"].get("deletionGracePeriodSeconds", DEFAULT_GRACE_S))
        end = time.monotonic() + grace_s
        if not self.leaving.is_set():
            self.leave_at = end
            self.leaving.set()
            self.changed.set()
        elif end < self.leave_at:
            self.leave_at = end
            for each in (*self.inits, *self.containers):
                if grace_s == 0:
                    each.kill()

    async def run(self) -> None:
        """Lives; reports; when asked to leave, ends the containers and then deletes the object."""
        reporter = asyncio.create_task(self._report_changes())
        life = asyncio.create_task(self._live())
        life.add_done_callback(self._tell_fault)
        try:
            await self.leaving.wait()
            grace_s = max(self.leave_at - time.monotonic(), 0.0)
            await asyncio.gather(*(each.stop(grace_s) for each in (*self.inits, *self.containers)))
            await asyncio.wait({life})
            reporter.cancel()
            await self._report()
            await self.site.api.delete(self.path, uid=self.uid)
        finally:
            reporter.cancel()
            life.cancel()
            for each in (*self.inits, *self.containers):
                each.kill()
            await asyncio.gather(life, reporter, return_exceptions=True)
            self._clear()

    def _tell_fault(self, life: asyncio.Task[None]) -> None:
        if not life.cancelled() and life.exception() is not None:
            LOG.error("the pod %s cannot go on", self.path, exc_info=life.exception())

    def _leave_network(self) -> None:
        if self.pause is not None and self.pause.returncode is None:
            self.pause.kill()

    def _clear(self) -> None:
        self._leave_network()
        self.site.addresses.release(self.address)
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _live(self) -> None:
        """Network, volumes, init containers one by one, then the containers together."""
        if not await self._furnish():
            return
        for each in self.inits:
            await each.run()
            if each.exit_code or self.leaving.is_set():
                return
        self.initialized = True
        self.changed.set()
        await asyncio.gather(*(each.run() for each in self.containers))
        self._leave_network()

    async def _furnish(self) -> bool:
        self.folder.mkdir(parents=True, exist_ok=True)
        while not self.leaving.is_set():
            try:
                if self.site.plan.isolated and self.pause is None:
                    name = self.pod["metadata"]["name"]
                    self.pause = await network.open_pod(self.address, name, self.folder / "network.log")
                self.online = True
                self.volumes = await self._make_volumes()
            except (variables.Missing, api.Refusal, OSError) as fault:
                for each in (*self.inits, *self.containers):
                    each.state = {"waiting": {"reason": "ContainerCreating", "message": str(fault)}}
                self.changed.set()
            else:
                return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.leaving.wait(), RETRY_S)
        return False

    async def _make_volumes(self) -> dict[str, pathlib.Path]:
        made = await volumes.make(
            self.pod,
            self.folder / "volumes",
            fetch=self._fetch,
            token=self._token,
            pod_ip=self.address,
            host_ip=self.site.address,
        )
        (self.folder / "volumes.json").write_text(volumes.describe(made))
        return made

    async def _prepare(self, spec: Document, start: int) -> Any:
        return await recipes.make(
            self.site,
            recipes.Wanted(
                pod=self.pod,
                spec=spec,
                start=start,
                address=self.address,
                pause_pid=self.pause.pid if self.pause else None,
                folder=self.folder,
                volumes=self.volumes,
            ),
            fetch=self._fetch,
        )

    async def _fetch(self, resource: str, name: str) -> Document | None:
        try:
            return await self.site.api.get(f"/api/v1/namespaces/{self.pod['metadata']['namespace']}/{resource}/{name}")
        except api.Refusal as refusal:
            if refusal.status == 404:
                return None
            raise

    async def _token(self, wanted: Document) -> str:
        """A token bound to this pod, as a kubelet asks for it."""
        meta = self.pod["metadata"]
        account = self.pod["spec"].get("serviceAccountName", "default")
        bound = {"kind": "Pod", "apiVersion": "v1", "name": meta["name"], "uid": meta["uid"]}
        spec: Document = {"expirationSeconds": wanted.get("expirationSeconds", 3607), "boundObjectRef": bound}
        if wanted.get("audience"):
            spec["audiences"] = [wanted["audience"]]
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = f"/api/v1/namespaces/{meta['namespace']}/serviceaccounts/{account}/token"
        answer = await self.site.api.create(path, request)
        return str(answer["status"]["token"])

    async def _report_changes(self) -> None:
        self.changed.set()
        while True:
            await self.changed.wait()
            self.changed.clear()
            if not await self._report():
                self.changed.set()
                await asyncio.sleep(RETRY_S)

    async def _report(self) -> bool:
        """Writes the status if it differs from the object's; False where the API server should be asked again."""
        view = status.View(
            pod=self.pod,
            host_ip=self.site.address,
            pod_ip=self.address if self.online else None,
            started=self.began,
            initialized=self.initialized,
            leaving=self.leaving.is_set(),
            init_containers=[each.status() for each in self.inits],
            containers=[each.status() for each in self.containers],
        )
        wanted = status.of(view, now=machine.now_text())
        if all(
            self.pod.get("status", {}).get(key) == value for key, value in wanted.items() if key != "conditions"
        ) and (_truths(wanted) <= _truths(self.pod.get("status", {}))):
            return True
        try:
            body = {"metadata": {"uid": self.uid}, "status": wanted}
            self.pod = await self.site.api.patch(f"{self.path}/status", body)
        except api.Refusal as refusal:
            return refusal.status in {404, 409}  # gone, or replaced by a pod of the same name
        except OSError:
            return False
        return True


def _truths(state: Document) -> set[tuple[str, str]]:
    return {(entry["type"], entry["status"]) for entry in state.get("conditions", [])}

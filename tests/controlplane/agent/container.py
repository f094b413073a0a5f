"""One container of a pod: started, probed, restarted, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from controlplane import faults
from controlplane.agent import api, machine, probes, sandbox, variables

Document = dict[str, Any]
Prepare = Callable[[Document, int], Awaitable[sandbox.Recipe]]
"""Makes the recipe of a container for its n-th start; raises `variables.Missing` for what is not there yet."""

FIRST_BACKOFF_S = 1.0
"""The first restart is immediate and the next waits this long, doubling (10 s in production)."""
LONGEST_BACKOFF_S = 30.0
FORGIVEN_AFTER_S = 60.0
MISSING_RETRY_S = 1.0


class Container:
    """Runs one container of a pod and knows its status."""

    def __init__(
        self, spec: Document, *, restart: str, address: str, prepare: Prepare, changed: Callable[[], None]
    ) -> None:
        self.spec = spec
        self.restart = restart
        self.address = address
        self.prepare = prepare
        self.changed = changed
        self.process: sandbox.Process | None = None
        self.stopping = asyncio.Event()
        self.state: Document = {"waiting": {"reason": "PodInitializing"}}
        self.last: Document = {}
        self.restarts = 0
        self.ready = False
        self.started = False

    @property
    def exit_code(self) -> int | None:
        """The final exit code once it has ended for good."""
        code: int | None = self.state.get("terminated", {}).get("exitCode")
        return code

    def status(self) -> Document:
        """The container's entry in the pod's status."""
        return {
            "name": self.spec["name"],
            "image": self.spec["image"],
            "imageID": "",
            "state": self.state,
            "lastState": self.last,
            "restartCount": self.restarts,
            "ready": self.ready,
            "started": self.started,
        }

    async def run(self) -> None:
        """Runs until it has ended for good: by itself under its restart policy, or stopped."""
        backoff_s = 0.0
        while not self.stopping.is_set():
            began = asyncio.get_running_loop().time()
            await self._once()
            code = self.exit_code
            if self.stopping.is_set() or self.restart == "Never" or (self.restart == "OnFailure" and code == 0):
                return
            if asyncio.get_running_loop().time() - began > FORGIVEN_AFTER_S:
                backoff_s = 0.0
            await self._wait_in_backoff(backoff_s)
            backoff_s = min(max(2 * backoff_s, FIRST_BACKOFF_S), LONGEST_BACKOFF_S)
            self.restarts += 1

    async def _wait_in_backoff(self, backoff_s: float) -> None:
        self.last = self.state
        if not backoff_s:
            return
        message = f"back-off {backoff_s:.0f}s restarting failed container {self.spec['name']}"
        self._enter({"waiting": {"reason": "CrashLoopBackOff", "message": message}})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), backoff_s)

    async def _once(self) -> None:
        """One life of the container, from start to exit."""
        began = machine.now_text()
        try:
            recipe = await self._recipe()
            if recipe is None:
                return
            self.process = await sandbox.start(recipe)
            if self.stopping.is_set():
                self.process.send(signal.SIGKILL)
        except (faults.ClusterFault, OSError) as fault:
            ended = {"exitCode": 128, "reason": "StartError", "message": str(fault)}
            self._enter({"terminated": ended | {"startedAt": began, "finishedAt": machine.now_text()}})
            return
        self.started = "startupProbe" not in self.spec
        self.ready = self.started and "readinessProbe" not in self.spec
        self._enter({"running": {"startedAt": began}}, ready=self.ready, started=self.started)
        watcher = asyncio.create_task(self._probe())
        try:
            code = await self.process.wait()
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
        self.process = None
        ended = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "startedAt": began}
        if code > 128:
            ended["signal"] = code - 128
        self._enter({"terminated": ended | {"finishedAt": machine.now_text()}})

    async def _recipe(self) -> sandbox.Recipe | None:
        """Waits for all that the container refers to; None if it is stopped before that."""
        while not self.stopping.is_set():
            try:
                return await self.prepare(self.spec, self.restarts)
            except (variables.Missing, api.Refusal, OSError) as missing:
                self._enter({"waiting": {"reason": "CreateContainerConfigError", "message": str(missing)}})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), MISSING_RETRY_S)
        return None

    async def _probe(self) -> None:
        """Runs the startup probe, then the others for as long as the container lives."""
        if "startupProbe" in self.spec:
            begun = asyncio.Event()
            startup = asyncio.create_task(self._watch("startupProbe", lambda good: self._on_startup(good, begun)))
            await begun.wait()
            startup.cancel()
        tasks = []
        if "readinessProbe" in self.spec:
            tasks.append(self._watch("readinessProbe", self._on_readiness))
        if "livenessProbe" in self.spec:
            tasks.append(self._watch("livenessProbe", self._on_liveness))
        await asyncio.gather(*tasks)

    async def _watch(self, kind: str, heard: Callable[[bool], Awaitable[None]]) -> None:
        process, probe = self.process, self.spec[kind]
        if process is not None:
            await probes.watch(probe, lambda: probes.succeeds(probe, self.spec, process, self.address), heard)

    async def _on_startup(self, good: bool, begun: asyncio.Event) -> None:  # noqa: FBT001 - a verdict
        if not good:
            await self._on_liveness(good=False)
            return
        self.started = True
        self.ready = "readinessProbe" not in self.spec
        self.changed()
        begun.set()

    async def _on_readiness(self, good: bool) -> None:  # noqa: FBT001 - a verdict
        if good != self.ready:
            self.ready = good
            self.changed()

    async def _on_liveness(self, good: bool) -> None:  # noqa: FBT001 - a verdict
        if not good and self.process is not None:
            grace_s = self.spec["livenessProbe" if "livenessProbe" in self.spec else "startupProbe"]
            await self._terminate(self.process, float(grace_s.get("terminationGracePeriodSeconds", 10)))

    async def stop(self, grace_s: float) -> None:
        """Ends it for good: the preStop hook, SIGTERM, and SIGKILL when the grace period is over."""
        self.stopping.set()
        process = self.process
        if process is None:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace_s
        hook = self.spec.get("lifecycle", {}).get("preStop")
        if hook and grace_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(probes.succeeds(hook, self.spec, process, self.address), grace_s)
        await self._terminate(process, max(deadline - loop.time(), 0.0))

    def kill(self) -> None:
        """Ends it at once, as a power cut does."""
        self.stopping.set()
        if self.process is not None:
            self.process.send(signal.SIGKILL)

    async def _terminate(self, process: sandbox.Process, grace_s: float) -> None:
        process.send(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.outer.wait(), grace_s)
        except TimeoutError:
            process.send(signal.SIGKILL)

    def _enter(self, state: Document, *, ready: bool = False, started: bool = False) -> None:
        self.state, self.ready, self.started = state, ready, started
        self.changed()

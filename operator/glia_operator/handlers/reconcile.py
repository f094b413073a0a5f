"""The loop: take an optimisation, observe, decide, apply, and look again when there is reason to."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from glia_operator.adapters import kube, pages
from glia_operator.handlers import observe
from glia_operator.handlers.decision import decide, seen
from glia_sim import faults

if TYPE_CHECKING:
    from glia_operator.adapters import clock as clocks
    from glia_operator.adapters import metrics as measures
    from glia_operator.handlers import apply
    from glia_operator.handlers import store as stores
    from glia_operator.handlers import studies as studying
    from glia_operator.handlers import work as queues
    from glia_operator.handlers.decision import act

HANDS = 4
"""Optimisations that are looked at at a time: most of a look is waiting for the API."""
REFUSED = {kube.Forbidden: "ApiForbidden", kube.Invalid: "ApiRefused"}

log = structlog.get_logger(__name__)


class Reconciler:
    """Looks at optimisations as long as it runs."""

    def __init__(
        self,
        *,
        store: stores.Store,
        work: queues.Work,
        observer: observe.Observer,
        applier: apply.Applier,
        studies: studying.Studies,
        metrics: measures.Metrics,
        clock: clocks.Clock,
    ) -> None:
        self._store = store
        self._work = work
        self._observer = observer
        self._applier = applier
        self._studies = studies
        self._metrics = metrics
        self._clock = clock
        self._troubles: dict[str, seen.Trouble] = {}
        self._owners: dict[stores.Key, pages.Owner] = {}

    async def run(self) -> None:
        """Look, with several hands, for ever."""
        async with asyncio.TaskGroup() as group:
            for _ in range(HANDS):
                group.create_task(self._hand())

    async def _hand(self) -> None:
        while True:
            await self.once(await self._work.take())

    async def once(self, key: stores.Key) -> None:
        """One look, whatever comes of it."""
        began_s = self._clock.monotonic()
        try:
            again_s = await self._look(key)
        except kube.Conflict as fault:
            result = "conflict"
            log.info("looked at an old version; looking again", optimization=str(key), error=str(fault))
            await self._refreshed(key)
            self._work.failed(key)
        except (faults.Fault, OSError) as fault:
            result = "error"
            rest_s = self._work.failed(key)
            log.warning("a look failed", optimization=str(key), error=str(fault), rest_s=round(rest_s, 2))
        except Exception:
            result = "error"
            self._work.failed(key)
            log.exception("a look broke down", optimization=str(key))
        else:
            result = "success"
            self._work.done(key, again_s)
        self._metrics.reconciles.labels(result=result).inc()
        self._metrics.reconcile_seconds.observe(self._clock.monotonic() - began_s)
        self._metrics.queue_depth.set(len(self._work))
        self._metrics.studies_running.set(self._studies.running)

    async def _look(self, key: stores.Key) -> float | None:
        body = self._store.optimization(key)
        owner = self._owners.get(key)
        if owner is not None and (body is None or body["metadata"]["uid"] != owner.uid):
            await self._gone(key, owner)
        if body is None:
            await self._orphans(key)
            return None
        view = await self._observer.look(key, body, self._troubles.get(body["metadata"]["uid"]))
        self._owners[key] = view.owner
        decision = decide.decide(view.now, self._clock.now())
        refused = await self._acted(view, decision)
        if refused is not None:
            await self._complain(view, refused)
            raise refused
        await self._applier.write_status(view, decision)
        if self._troubles.pop(view.owner.uid, None) is not None:
            return 0.0
        return decision.requeue_after_s

    async def _orphans(self, key: stores.Key) -> None:
        """Policies may stand without an optimisation; whether they can be used is said all the same."""
        view = observe.orphans(key, self._store.policies_of(key))
        for action in decide.orphans(view.now):
            await self._applier.carry_out(view, action)

    async def _acted(self, view: observe.View, decision: act.Decision) -> kube.KubeFault | None:
        """Carry out the actions; what the API refuses, whoever asks, is handed back."""
        for action in decision.actions:
            try:
                await self._applier.carry_out(view, action)
            except tuple(REFUSED) as fault:
                return fault
        return None

    async def _complain(self, view: observe.View, fault: kube.KubeFault) -> None:
        """Say in the status what the API refused."""
        trouble = seen.Trouble(reason=REFUSED[type(fault)], sentence=str(fault))
        self._troubles[view.owner.uid] = trouble
        decision = decide.decide(replace(view.now, trouble=trouble), self._clock.now())
        await self._applier.write_status(view, decision)

    async def _gone(self, key: stores.Key, owner: pages.Owner) -> None:
        """Forget an optimisation; the garbage collector sees to what it owned."""
        await self._studies.stop(owner)
        self._applier.forget(owner)
        self._owners.pop(key, None)
        self._troubles.pop(owner.uid, None)
        self._work.forget(key)
        log.info("an optimisation is gone", optimization=str(key))

    async def _refreshed(self, key: stores.Key) -> None:
        owner = self._owners.get(key)
        if owner is not None:
            with contextlib.suppress(kube.KubeFault):
                await self._applier.refresh(owner)

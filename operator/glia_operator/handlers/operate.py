"""The operator as one process: lead, watch, look, and stop in peace."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from glia_operator.adapters import clock as clocks
from glia_operator.adapters import kube, kube_http, patience, servers, study_process
from glia_operator.adapters import metrics as measures
from glia_operator.handlers import apply, events, leadership, observe, reconcile, resync, sources, watch
from glia_operator.handlers import shelf as shelves
from glia_operator.handlers import store as stores
from glia_operator.handlers import studies as studying
from glia_operator.handlers import work as queues
from glia_operator.handlers.decision import election
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from glia_operator.adapters import pages

STOP_WITHIN_S = 8.0
STOPPED, LOST = 0, 1
TICK_S = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the process runs.

    Attributes:
        namespaces: empty = all.
        identity: unique among operators; who holds the Lease is called so.
        workers: studies at a time.
        executor: where their simulations run (`adapters.executors`).
    """

    namespaces: tuple[str, ...]
    lease_namespace: str
    lease_name: str
    identity: str
    health_port: int
    metrics_port: int
    workers: int
    lease_duration_s: float
    executor: str


class Operator:
    """Everything that lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = clocks.SystemClock()
        self._chance = random.SystemRandom().random
        self._metrics = measures.Metrics()
        self._role = "starting"
        self._stop = asyncio.Event()
        self._work = queues.Work(self._clock, self._chance)
        self._store = stores.Store()
        self._watch: watch.Watch | None = None
        self._resync: resync.Resync | None = None

    async def run(self) -> int:
        """Run until told to stop, or until leading is over; the process's exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        async with contextlib.AsyncExitStack() as stack:
            await self._serve(stack)
            lag = asyncio.create_task(self._measure_lag())
            stack.callback(lag.cancel)
            found = await kube_http.configuration()
            direct = kube_http.HttpKube(found, self._metrics.count_request)
            stack.push_async_callback(direct.close)
            leads = leadership.Leadership(
                direct,
                namespace=self._settings.lease_namespace,
                name=self._settings.lease_name,
                me=self._settings.identity,
                clock=self._clock,
                chance=self._chance,
                terms=_terms(self._settings.lease_duration_s),
            )
            self._role = "standby"
            log.info("waiting for the Lease", identity=self._settings.identity)
            if not await self._unless_stopped(leads.acquire()):
                await leads.release()
                return STOPPED
            return await self._lead(leads, patience.PatientKube(direct, self._clock, self._chance), direct)

    async def _serve(self, stack: contextlib.AsyncExitStack) -> None:
        health, metrics = self._settings.health_port, self._settings.metrics_port
        try:
            runner = await servers.serve_health(health, self._healthy, self._ready)
            stack.push_async_callback(runner.cleanup)
            runner = await servers.serve_metrics(metrics, self._metrics.page)
            stack.push_async_callback(runner.cleanup)
        except OSError as error:
            raise faults.InputFault(
                f"ports {health} and {metrics}: {error.strerror or error}; choose free ones with --health-port and "
                "--metrics-port"
            ) from None

    async def _lead(self, leads: leadership.Leadership, cluster: kube.Kube, streams: kube.Streams) -> int:
        self._role = "leader"
        self._metrics.leader.set(1)
        log.info("leading", identity=self._settings.identity)
        hold = asyncio.create_task(leads.hold())
        duty = asyncio.create_task(self._duty(cluster, streams))
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait((hold, duty, stop), return_when=asyncio.FIRST_COMPLETED)
        self._role = "stopping"
        self._metrics.leader.set(0)
        status = STOPPED if stop.done() else LOST
        if hold.done():
            log.error("leading no more", why=hold.result())
        if duty.done():
            broken = duty.exception()
            log.error("the operator's work ended", why=str(broken or duty.result()), exc_info=broken)
        for task in (hold, duty, stop):
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_S):
                await asyncio.gather(hold, duty, stop, return_exceptions=True)
                await leads.release()
        log.info("stopped", status=status)
        return status

    async def _duty(self, cluster: kube.Kube, streams: kube.Streams) -> str:
        """What a leader does; returns why it ended."""
        await patience.answered(lambda: self._crds(cluster), self._clock)
        me = await patience.answered(lambda: _who_am_i(cluster), self._clock)
        shelf = shelves.Shelf(cluster)
        studies = studying.Studies(
            shelf,
            start=functools.partial(study_process.StudyProcess.start, self._settings.executor),
            clock=self._clock,
            workers=self._settings.workers,
            processes=max(1, len(os.sched_getaffinity(0)) // self._settings.workers),
            notify=self._study_news,
            finished=self._metrics.experiments.inc,
        )
        observer = observe.Observer(cluster, store=self._store, shelf=shelf, studies=studies, operator=me)
        recorder = events.Recorder(
            cluster, store=self._store, clock=self._clock, instance=self._settings.identity[:128]
        )
        applier = apply.Applier(
            cluster,
            store=self._store,
            shelf=shelf,
            studies=studies,
            recorder=recorder,
            clock=self._clock,
            news=self._news,
        )
        looks = reconcile.Reconciler(
            store=self._store,
            work=self._work,
            observer=observer,
            applier=applier,
            studies=studies,
            metrics=self._metrics,
            clock=self._clock,
        )
        try:
            return await self._watched(cluster, streams, looks)
        finally:
            await studies.close()

    async def _watched(self, cluster: kube.Kube, streams: kube.Streams, looks: reconcile.Reconciler) -> str:
        namespaces = self._settings.namespaces or (None,)
        self._resync = resync.Resync(
            cluster,
            store=self._store,
            namespaces=namespaces,
            clock=self._clock,
            metrics=self._metrics,
            news=self._news,
        )
        await patience.answered(self._resync.first, self._clock)
        self._watch = watch.Watch(
            login=kube_http.login, namespaces=self._settings.namespaces, show=self._show, clock=self._clock
        )
        self._watch.start()
        followed = sources.Sources(
            cluster, streams, store=self._store, namespaces=namespaces, clock=self._clock, news=self._news
        )
        duties = (looks.run(), self._resync.run(), followed.run(), self._count())
        tasks = [asyncio.create_task(one) for one in duties]
        try:
            ends: list[asyncio.Future[Any]] = [*tasks, self._watch.ended]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            broken = [task for task in tasks if task.done()]
            for task in broken:
                task.result()
            return self._watch.ended.result()
        finally:
            self._watch.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _crds(self, cluster: kube.Kube) -> None:
        """List our kinds, which an API server without their definitions cannot."""
        for kind in (kube.OPTIMIZATIONS, kube.POLICIES):
            await kube.list_all(cluster, kind, (self._settings.namespaces or (None,))[0])

    async def _count(self) -> None:
        while True:
            if self._resync is not None:
                self._resync.count()
            await self._clock.sleep(15.0)

    async def _unless_stopped(self, doing: Coroutine[None, None, None]) -> bool:
        """Whether it came to its end before the process was told to stop."""
        task = asyncio.create_task(doing)
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
            return True
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False

    def _show(self, kind: kube.Kind, body: kube.Object, gone: bool) -> None:  # noqa: FBT001 - Kopf's thread calls it so
        self._news(self._store.take(kind, body, gone=gone))

    def _news(self, keys: Iterable[stores.Key]) -> None:
        for key in keys:
            self._work.add(key)
        self._metrics.queue_depth.set(len(self._work))

    def _study_news(self, owner: pages.Owner) -> None:
        self._work.add(stores.Key(owner.namespace, owner.name))

    async def _measure_lag(self) -> None:
        while True:
            began_s = self._clock.monotonic()
            await self._clock.sleep(TICK_S)
            self._metrics.loop_lag_seconds.set(max(0.0, self._clock.monotonic() - began_s - TICK_S))

    def _healthy(self) -> servers.Answer:
        watching = self._watch is not None
        silent_s = self._watch.silent_s if self._watch is not None else 0.0
        dead = self._resync is not None and self._resync.watch_is_dead
        words = {"role": self._role, "watching": watching, "watchSilentSeconds": round(silent_s, 1), "watchDead": dead}
        return silent_s < watch.SILENT_S and not dead, words

    def _ready(self) -> servers.Answer:
        return self._role in ("standby", "leader"), {"role": self._role}


def _terms(duration_s: float) -> election.Terms:
    """Renewing must fail well before the Lease is free for others; 15 s give 10 s and looks every 2 s."""
    return election.Terms(duration_s=duration_s, renew_within_s=duration_s * 2 / 3, retry_s=duration_s * 2 / 15)


async def _who_am_i(cluster: kube.Kube) -> str:
    """The own user name, as approvals have to name it."""
    found = await kube.create(cluster, kube.SELF_REVIEWS, None, {})
    return str(found["status"]["userInfo"]["username"])

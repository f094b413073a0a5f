"""Lists everything now and then, and compares: a watch may stop to show changes without an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from glia_operator.adapters import kube
from glia_operator.api import words
from glia_operator.handlers import store as stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from glia_operator.adapters import clock as clocks
    from glia_operator.adapters import metrics as measures

EVERY_S = 300.0
GRACE_S = 15.0
"""How long the watch may be behind a list."""
MOST_PREDICTIONS = 1000
"""Optimisations whose predictions are told one by one: each is a time series or two for Prometheus to keep."""
MOST_MISSES = 2
"""So many rounds in a row that found what the watch had missed, and the watch counts as dead."""

log = structlog.get_logger(__name__)


class Resync:
    """Compares the store with the API.

    Args:
        namespaces: None stands for all.
        news: told which optimisations are concerned by what was found.
    """

    def __init__(
        self,
        cluster: kube.Kube,
        *,
        store: stores.Store,
        namespaces: tuple[str | None, ...],
        clock: clocks.Clock,
        metrics: measures.Metrics,
        news: Callable[[Iterable[stores.Key]], None],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._namespaces = namespaces
        self._clock = clock
        self._metrics = metrics
        self._news = news
        self.misses = 0

    @property
    def watch_is_dead(self) -> bool:
        """Whether round after round finds what the watch has missed."""
        return self.misses >= MOST_MISSES

    async def first(self) -> None:
        """Fill the store before anything is decided."""
        for kind in stores.WATCHED:
            for body in await self._listed(kind):
                self._store.take(kind, body)
        self._news(self._store.keys)

    async def run(self) -> None:
        """Compare for ever."""
        while True:
            await self._clock.sleep(EVERY_S)
            try:
                await self.compare()
            except kube.KubeFault as fault:
                log.warning("a resync failed", error=str(fault))

    async def compare(self) -> None:
        """One round: what still differs after the grace was missed by the watch, and is taken from the list."""
        missed = 0
        for kind in stores.WATCHED:
            if not self._store.differences(kind, await self._listed(kind)):
                continue
            await self._clock.sleep(GRACE_S)
            listed = await self._listed(kind)
            await self._clock.sleep(GRACE_S)
            for body, gone in self._store.differences(kind, listed):
                missed += 1
                self._metrics.watch_missed.labels(kind=kind.kind).inc()
                self._news(self._store.take(kind, body, gone=gone))
        self.misses = self.misses + 1 if missed else 0
        if missed:
            log.warning("the watch had missed changes", changes=missed, rounds=self.misses)
        self.count()
        self._news(self._store.keys)

    def count(self) -> None:
        """Count objects by phase, and tell what is predicted of each."""
        for held, gauge in (
            (self._store.optimizations, self._metrics.optimizations),
            (self._store.policies, self._metrics.policies),
        ):
            gauge.clear()
            for body in held.values():
                gauge.labels(phase=(body.get("status") or {}).get("phase") or "None").inc()
        self._tell_predictions()

    def _tell_predictions(self) -> None:
        gauge = self._metrics.predicted_improvement
        gauge.clear()
        for key in sorted(self._store.optimizations)[:MOST_PREDICTIONS]:
            for standing, improvement in _predictions(self._store.optimizations[key]):
                gauge.labels(optimization_namespace=key.namespace, optimization=key.name, standing=standing).set(
                    words.share(improvement)
                )

    async def _listed(self, kind: kube.Kind) -> list[kube.Object]:
        accept = kube.NAMES_ONLY if kind == kube.DEPLOYMENTS else "application/json"
        found: list[kube.Object] = []
        for namespace in self._namespaces:
            found += (await kube.list_all(self._cluster, kind, namespace, accept=accept)).items
        return found


def _predictions(body: kube.Object) -> list[tuple[str, str]]:
    """What the status says of the newest candidate and of the policy approved last."""
    status = body.get("status") or {}
    said = {
        "candidate": (status.get("candidate") or {}).get("predictedImprovement"),
        "active": (status.get("active") or {}).get("improvement"),
    }
    return [(standing, improvement) for standing, improvement in said.items() if improvement is not None]

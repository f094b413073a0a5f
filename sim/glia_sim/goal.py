"""What the user wants: one objective, and constraints that must hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from glia_sim import faults

if TYPE_CHECKING:
    from glia_sim import score

STATISTICS = ("mean", "p50", "p90", "p95", "p99")
SECONDS = ("e2e", "ttft", "queue")
"""Measures in seconds; slowdown is a ratio."""
UNITS = {"s": 1.0, "ms": 1e-3, "min": 60.0}
CONSTRAINT = re.compile(r"\s*(\w+)\s+([\w-]+)\s*(?:<=|<)\s*([0-9.eE+-]+)\s*([a-z]*)\s*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One metric to lower or to raise.

    Attributes:
        name: as the user writes it.
        metric: dotted name in a `score.Scorecard`; failed requests are charged in it.
        better: where a better policy moves the metric.
        guards_latency: whether a better value alone proves that requests are served well.
    """

    name: str
    metric: str
    better: Literal["lower", "higher"]
    guards_latency: bool

    def value(self, card: score.Scorecard) -> float:
        """The card's mark for this objective, failed requests charged, in the metric's unit."""
        return card.value(self.metric)

    def improvement(self, change: float) -> float:
        """A relative change of the metric as an improvement: positive is better, 0.2 = a fifth."""
        return -change if self.better == "lower" else change


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective(name="mean-latency", metric="charged.e2e.mean", better="lower", guards_latency=True),
        Objective(name="p95-latency", metric="charged.e2e.p95", better="lower", guards_latency=True),
        Objective(name="gpu-hours", metric="served_gpu_hours", better="lower", guards_latency=False),
        Objective(name="throughput", metric="throughput_rps", better="higher", guards_latency=False),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """An upper bound on a statistic of a measure over all requests, failed ones charged.

    Attributes:
        statistic: one of `STATISTICS`.
        measure: e2e, ttft, queue (seconds) or slowdown (ratio).
        limit: the value must stay below this; seconds or a ratio.
    """

    statistic: str
    measure: str
    limit: float

    @property
    def metric(self) -> str:
        """Dotted name in a `score.Scorecard`."""
        return f"charged.{self.measure}.{self.statistic}"

    def value(self, card: score.Scorecard) -> float:
        """What is bounded, as the card has it; seconds or a ratio."""
        return card.value(self.metric)

    def holds(self, card: score.Scorecard) -> bool:
        """Whether the card keeps below the limit."""
        return self.value(card) < self.limit

    def amount(self, value: float) -> str:
        """A value of this measure with its unit, for people."""
        return f"{value:.4g} s" if self.measure in SECONDS else f"{value:.4g}"

    def __str__(self) -> str:
        return f"{self.statistic} {self.measure} < {self.amount(self.limit)}"


def objective(text: str) -> Objective:
    """The objective of that name.

    Raises:
        InputFault: no such objective.
    """
    if text not in OBJECTIVES:
        raise faults.InputFault(f"objective {text!r} is unknown; it must be one of {', '.join(OBJECTIVES)}")
    return OBJECTIVES[text]


def constraint(text: str) -> Constraint:
    """A constraint from text such as `p90 ttft < 1.5s`, `p95 slowdown < 5` or `mean e2e < 800 ms`.

    Raises:
        InputFault: what was received and what would be right.
    """
    match = CONSTRAINT.fullmatch(text)
    if match is None:
        raise faults.InputFault(f"constraint {text!r} is not 'STATISTIC MEASURE < LIMIT' such as 'p90 ttft < 1.5s'")
    statistic, measure, number, unit = match.groups()
    if statistic not in STATISTICS:
        raise faults.InputFault(f"constraint {text!r}: {statistic!r} must be one of {', '.join(STATISTICS)}")
    if measure not in (*SECONDS, "slowdown"):
        raise faults.InputFault(f"constraint {text!r}: {measure!r} must be one of {', '.join(SECONDS)}, slowdown")
    return Constraint(statistic=statistic, measure=measure, limit=_limit(text, number, unit, measure))


def _limit(text: str, number: str, unit: str, measure: str) -> float:
    if measure in SECONDS and unit not in UNITS:
        raise faults.InputFault(f"constraint {text!r}: the limit needs a unit, one of {', '.join(UNITS)}")
    if measure not in SECONDS and unit:
        raise faults.InputFault(f"constraint {text!r}: {measure} is a ratio, without the unit {unit!r}")
    try:
        limit = float(number) * UNITS.get(unit, 1.0)
    except ValueError:
        raise faults.InputFault(f"constraint {text!r}: {number!r} is not a number") from None
    if not 0 < limit < float("inf"):
        raise faults.InputFault(f"constraint {text!r}: the limit must be a finite number above 0")
    return limit

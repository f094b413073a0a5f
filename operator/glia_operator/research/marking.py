"""Marking candidates on paired seeds: one number to lower, built from the exam's own rules."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from glia_sim import exam, faults, fleet, score, trial, verdict
from glia_sim.engine import run as runs

if TYPE_CHECKING:
    from concurrent import futures

    import numpy.typing as npt

    from glia_operator.research import brief as briefs
    from glia_sim.policy import compile as programs

    Job = futures.Future[list[list[float]]]

TAIL_GOAL = 0.98
"""Search asks for a little more than the exam: p99 at most this ratio to the baseline's."""
FULL_MARGIN = 0.1
"""Change of the objective from which on the whole margin is asked: what hardly differs has hardly any noise."""
HARD_TAIL_GOAL = 1.025
"""The same under harder conditions, where the exam allows `verdict.TAIL_TOLERANCE`."""
ELSEWHERE = 0.25
"""Weight of the objective under other conditions against the fleet as it is."""
PENALTY = 3.0
TAIL_EDGE, EDGE_PENALTY = 0.99, 10.0
"""From this ratio on no gain is worth a longer tail: arrivals that search has not seen may put it above 1."""
BROKEN = 10.0
SHARE = 4
"""Programs of one job: few enough that workers finish together, enough that drawing the arrivals costs little."""
CONSTRAINT_MARGIN = 0.97
"""Search keeps this share of a constraint's limit."""
HARD_CONSTRAINT_MARGIN = 0.9
"""The same under harder conditions, which search meets less often; no more than the baseline itself keeps there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One way to hold a trial: the fleet and the load."""

    title: str
    machines: fleet.Fleet
    load: float = 1.0
    burstier: bool = False


def conditions(brief: briefs.Brief) -> tuple[Condition, ...]:
    """The exam's conditions; the first is the fleet as it is."""
    machines = brief.fleet
    found = [
        Condition(title="as it is", machines=machines),
        Condition(title="load x1.2", machines=machines, load=1.2),
        Condition(title="burstier", machines=machines, burstier=True),
    ]
    small = machines.with_kv(exam.KV_SCALE)
    try:
        fleet.check(small, brief.workload)
        found.append(Condition(title="KV x0.9", machines=small))
    except faults.InputFault:
        pass  # the exam leaves this condition out too, and says so
    if machines.router.views == "perfect":
        live = machines.with_views("scraped", exam.SCRAPE_INTERVAL_S)
        found.append(Condition(title="production views", machines=live))
    return tuple(found)


def play(one: trial.Trial, metrics: tuple[str, ...]) -> list[list[float]]:
    """Metrics of each program in a trial; runs in worker processes."""
    measures = {part for metric in metrics for part in metric.split(".")}
    cards = [score.pool([record], measures) for record in trial.play(one, runs.simulate)]
    return [[card.value(metric) for metric in metrics] for card in cards]


@dataclass(slots=True, kw_only=True)
class Marker:
    """Marks programs against the baseline, and counts simulations.

    Attributes:
        brief: the question.
        baseline: the compiled baseline.
        executor: where simulations run; marks do not depend on it.
        simulations: candidates run so far; the baseline runs once per condition and seed, and is not counted.
    """

    brief: briefs.Brief
    baseline: programs.Program
    executor: futures.Executor
    simulations: int = 0
    _known: dict[tuple[str, int], list[float]] = field(default_factory=dict)

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is read of every run: objective, tail, failures, faults, then each constraint."""
        return (
            self.brief.objective.metric,
            verdict.TAIL,
            "failed_share",
            "policy_faults",
            *(constraint.metric for constraint in self.brief.constraints),
        )

    def marks(
        self, candidates: Sequence[programs.Program], *asked: tuple[Sequence[Condition], Sequence[int]]
    ) -> list[npt.NDArray[np.float64]]:
        """Metrics [condition, seed, 1 + candidates, metric] for each (conditions, seeds); position 0 is the baseline.

        All of it is submitted before any is waited for.
        """
        jobs = {}
        for condition, seed in ((place, seed) for where, seeds in asked for place in where for seed in seeds):
            known = (condition.title, seed) in self._known
            served = tuple(candidates) if known else (self.baseline, *candidates)
            self.simulations += len(candidates)
            jobs[condition.title, seed] = self._submitted(served, condition, seed)
        try:
            return [
                np.array([[self._row(place.title, seed, jobs) for seed in seeds] for place in where])
                for where, seeds in asked
            ]
        finally:
            for job in itertools.chain.from_iterable(jobs.values()):
                job.cancel()

    def _submitted(self, asked: Sequence[programs.Program], condition: Condition, seed: int) -> list[Job]:
        """Jobs that serve the same arrivals under a few programs each, in order."""
        return [
            self.executor.submit(
                play,
                trial.Trial(
                    machines=condition.machines,
                    workload=self.brief.workload,
                    programs=tuple(asked[begin : begin + SHARE]),
                    seed=seed,
                    load=condition.load,
                    burstier=condition.burstier,
                ),
                self.metrics,
            )
            for begin in range(0, len(asked), SHARE)
        ]

    def _row(self, title: str, seed: int, jobs: dict[tuple[str, int], list[Job]]) -> list[list[float]]:
        rows = [row for job in jobs[title, seed] for row in job.result()]
        if (title, seed) in self._known:
            return [self._known[title, seed], *rows]
        self._known[title, seed] = rows[0]
        return rows

    def costs(
        self,
        candidates: Sequence[programs.Program],
        where: Sequence[Condition],
        seeds: Sequence[int],
        *,
        elsewhere: int | None = None,
    ) -> list[float]:
        """Cost of each candidate; below 0 is better than the baseline, and every rule at risk adds to it.

        Args:
            candidates: compiled.
            where: conditions; the first is the fleet as it is.
            seeds: for the first condition.
            elsewhere: how many of the seeds the other conditions use; None = all.
        """
        here, there = self.marks(candidates, (where[:1], seeds), (where[1:], seeds[:elsewhere]))
        return costs(self.brief, [*here, *there])

    def judge(
        self, candidates: Sequence[programs.Program], where: Sequence[Condition], seeds: Sequence[int]
    ) -> list[tuple[float, float]]:
        """Improvement of the objective on the fleet as it is (mean over seeds), and cost, of each candidate."""
        here, there = self.marks(candidates, (where[:1], seeds), (where[1:], seeds))
        found = costs(self.brief, [*here, *there])
        change = (here[0, :, 1:, 0] / here[0, :, :1, 0] - 1.0).mean(axis=0)
        return [(self.brief.objective.improvement(float(one)), cost) for one, cost in zip(change, found, strict=True)]


Marks = Sequence["npt.NDArray[np.float64]"]
"""An array per condition; of one policy [seed, metric]."""


def costs(brief: briefs.Brief, marks: Marks, *, edge: bool = True) -> list[float]:
    """Cost of each candidate from marks [seed, 1 + candidates, metric] per condition, the baseline at position 0.

    `edge` is whether `EDGE_PENALTY` counts; over a sweep's few seeds it is mostly noise.
    """
    baseline, candidates = [one[:, 0] for one in marks], range(1, marks[0].shape[1])
    return [cost(brief, baseline, [one[:, k] for one in marks], edge=edge) for k in candidates]


def gains(brief: briefs.Brief, marks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Logarithm of each candidate's objective over the baseline's, more is better; 0 where there is no ratio.

    Marks are [seed, 1 + candidates, metric].
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(marks[:, 1:, 0] / marks[:, :1, 0]).mean(axis=0)
    sign = -1.0 if brief.objective.better == "lower" else 1.0
    return np.where(np.isfinite(ratio), sign * ratio, 0.0)


def hardship(brief: briefs.Brief, here: npt.NDArray[np.float64], there: npt.NDArray[np.float64]) -> float:
    """How much a harder condition adds to the cost, mean over candidates: above its fellows' where a rule binds."""
    alone, with_it = costs(brief, [here], edge=False), costs(brief, [here, there], edge=False)
    return sum(with_it) / len(with_it) - sum(alone) / len(alone)


def cost(brief: briefs.Brief, baseline: Marks, candidate: Marks, *, edge: bool = True) -> float:
    """Log ratio of the objective, plus what the exam would object to; the baseline's own is 0.

    A constraint that the baseline breaks on the fleet as it is counts by how much more or less it is broken: less is
    better.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs = zip(baseline, candidate, strict=True)
        ratio = np.array([np.log(new[:, :2] / old[:, :2]).mean(axis=0) for old, new in pairs])
    if not np.all(np.isfinite(ratio)):
        return BROKEN
    gain = ratio[:, 0] if brief.objective.better == "lower" else -ratio[:, 0]
    elsewhere = gain[1:][[keeps(brief, one) for one in baseline[1:]]]
    total = gain[0] + ELSEWHERE * (elsewhere.mean() if len(elsewhere) else 0.0)
    if brief.rules.guard_tail:
        margin = math.log(TAIL_GOAL) * min(abs(gain[0]) / FULL_MARGIN, 1.0)
        total += PENALTY * max(ratio[0, 1] - margin, 0.0)
        if edge:
            total += EDGE_PENALTY * max(ratio[0, 1] - max(math.log(TAIL_EDGE), margin), 0.0)
        total += PENALTY * np.maximum(ratio[1:, 1] - math.log(HARD_TAIL_GOAL), 0.0).sum()
    for old, new in zip(baseline, candidate, strict=True):
        total += BROKEN * max(float((new[:, 2] - old[:, 2]).max()), 0.0) + BROKEN * float(new[:, 3].max() > 0)
    broken = _constraints(brief, baseline, candidate) - _constraints(brief, baseline[:1], baseline[:1])
    return float(total + PENALTY * broken)


def keeps(brief: briefs.Brief, marks: npt.NDArray[np.float64]) -> bool:
    """Whether marks [seed, metric] keep every constraint: a baseline that breaks one is no yardstick for the rest."""
    return all(_usual(marks[:, k]) < constraint.limit for k, constraint in enumerate(brief.constraints, start=4))


def _usual(measured: npt.NDArray[np.float64]) -> float:
    """What most arrivals keep: one bad spell decides a mean, and the exam may meet none."""
    return float(np.median(measured))


def _constraints(brief: briefs.Brief, baseline: Marks, candidate: Marks) -> float:
    """How far constraints are overstepped: as the fleet is, and elsewhere where the baseline keeps them."""
    total = 0.0
    for k, constraint in enumerate(brief.constraints, start=4):
        for place, (old, new) in enumerate(zip(baseline, candidate, strict=True)):
            usual, asked = _usual(old[:, k]), constraint.limit * CONSTRAINT_MARGIN
            if place > 0:
                asked = max(constraint.limit * HARD_CONSTRAINT_MARGIN, usual)
            if place == 0 or usual < constraint.limit:
                total += max(math.log(float(new[:, k].mean()) / asked), 0.0)
    return total

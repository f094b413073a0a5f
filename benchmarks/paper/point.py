"""The paper's operating point: fleet, trace, known policies, and how policies are marked there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glia_operator.research import brief as briefs
from glia_operator.research import conclusion
from glia_sim import effect, exam, fleet_file, goal, score, seeds, trial, verdict
from glia_sim.policy import compile as programs
from glia_sim.policy import document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from glia_operator.research import outcome as outcomes
    from glia_sim import fleet as fleets
    from glia_sim.workload import trace
    from paper import asking

TRACE = "sharegpt_12.0.csv"
TIME_SCALE = 1.6
"""Makes the authors' 12-QPS trace the first 479 s of their 7.5-QPS operating point."""
FLEET = "paper-a10x4"
UNCONTENDED = 64
"""Replicas at which no request waits for another."""
SEEDS = 20
UNSEEN = conclusion.MOST_EXAMS * exam.HELDOUT_SEEDS
"""Held-out seeds from this one on no exam of a study sits on, so that they had no part in the choice of its policy."""
MEAN = goal.objective("mean-latency")


def recorded(asked: asking.Asked) -> trace.Workload:
    """The authors' trace at their operating point."""
    return asked.recorded(TRACE, time_scale=TIME_SCALE)


def brief(asked: asking.Asked, *, root: int = 0, experiments: int = 20) -> briefs.Brief:
    """The study that `glia optimize --fleet paper-a10x4 --trace sharegpt_12.0.csv --time-scale 1.6` makes."""
    return briefs.Brief(
        fleet=fleet_file.load(FLEET),
        workload=recorded(asked),
        baseline=document.load("llq"),
        objective=MEAN,
        experiments=experiments,
        root=root,
    )


def sized(machines: fleets.Fleet, count: int) -> fleets.Fleet:
    """The fleet with so many replicas in its first group."""
    return replace(machines, groups=(replace(machines.groups[0], count=count), *machines.groups[1:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """A policy on held-out arrivals.

    Attributes:
        cards: one per seed.
        pooled: of all seeds.
    """

    cards: tuple[score.Scorecard, ...]
    pooled: score.Scorecard


def heldout(
    asked: asking.Asked,
    machines: fleets.Fleet,
    workload: trace.Workload,
    policies: Mapping[str, document.Policy],
    *,
    root: int = 0,
    load: float = 1.0,
) -> dict[str, Marks]:
    """Every policy on the same 20 held-out arrivals that no exam sat on, by name."""
    compiled = tuple(programs.compile(policy) for policy in policies.values())
    one = trial.Trial(machines=machines, workload=workload, programs=compiled, seed=0, load=load)
    unseen = seeds.stream("heldout", UNSEEN + SEEDS, root=root)[UNSEEN:]
    trials = [replace(one, seed=seed) for seed in unseen]
    records = exam.run(trials, executor=asked.executor)
    return {
        name: Marks(
            cards=tuple(score.pool([seed[k]]) for seed in records), pooled=score.pool([seed[k] for seed in records])
        )
        for k, name in enumerate(policies)
    }


def versus(baseline: Marks, candidate: Marks, metric: str = MEAN.metric) -> effect.Effect:
    """The effect on a metric, paired by seed."""
    return effect.compare(baseline.cards, candidate.cards, metric, seed=exam.INTERVAL_SEED)


def mean(marks: Marks, metric: str) -> float:
    """Mean over seeds of a metric."""
    return sum(card.value(metric) for card in marks.cards) / len(marks.cards)


def tail(baseline: Marks, candidate: Marks) -> float:
    """Geometric mean over seeds of the ratio of p99 end-to-end times."""
    return versus(baseline, candidate, verdict.TAIL).ratio


def closed(slow: float, fast: float, found: float) -> float:
    """Share of the gap between two means that is closed."""
    return (slow - found) / (slow - fast)


def told(outcome: outcomes.Outcome) -> str:
    """A study's size and its policy, in words."""
    size = f"The study made {len(outcome.experiments)} experiments and {outcome.simulations:,} simulations."
    return f"{size} {outcome.best.rationale}" if outcome.verdict.approved else f"{size} It approved nothing."

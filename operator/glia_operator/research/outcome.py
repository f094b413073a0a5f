"""What a study answers: its experiments, the policy it chose, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glia_operator.research import ablation as ablations
from glia_operator.research import feasibility as feasibilities
from glia_operator.research import profile as profiles
from glia_sim import goal
from glia_sim.policy import change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from glia_operator.research import team
    from glia_sim import effect, score, verdict
    from glia_sim.policy import document

SURPRISE = 0.15
"""An effect farther than this from its prediction is a surprise."""
MOST_TOLD = 3
"""Parts and surprises that an explanation names; the report has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One hypothesis, its sweep, and what was found.

    Attributes:
        effect: on the objective against the baseline, training seeds, the fleet as it is.
        p99_ratio: geometric mean of the ratios of p99 end-to-end times to the baseline's.
        constraints: means of what the brief's constraints bound, in their order, in seconds or as ratios.
        kept: whether it was the best so far when it ended.
        predicted: improvement of the objective over the baseline that was expected; None where nobody said.
        parts: what the policy is composed from, as `design.written` writes it; empty for a policy of its own.
        slope: how parameters move with the gain, `tuning.Reached`; empty where no careful sweep was made.
    """

    number: int
    title: str
    hypothesis: str
    addresses: str
    policy: document.Policy
    simulations: int
    effect: effect.Effect | None
    p99_ratio: float
    constraints: tuple[float, ...]
    cost: float
    finding: str
    kept: bool
    predicted: float | None
    parts: str
    slope: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The study's answer; `best` is the baseline where nothing was approved.

    Attributes:
        improvement: of the objective on held-out seeds; 0.2 = a fifth better; 0 where nothing was approved.
        interval: of the improvement.
        verdict: of the last exam.
        explanation: why this policy, or why none, in sentences with numbers.
        turns: the conversation; empty where the strategy holds none.
        observations: answers to turns, by position.
        ablation: what the policy that was examined last loses without each part.
        feasibility: whether the brief's constraints can be kept.
    """

    baseline: document.Policy
    best: document.Policy
    baseline_card: score.Scorecard
    best_card: score.Scorecard
    improvement: float
    interval: tuple[float, float]
    experiments: tuple[Experiment, ...]
    simulations: int
    verdict: verdict.Verdict
    profile: profiles.Profile
    explanation: tuple[str, ...]
    turns: tuple[team.Turn, ...]
    observations: dict[int, str]
    ablation: tuple[ablations.Without, ...]
    feasibility: feasibilities.Feasibility


def explain(outcome: Outcome) -> tuple[str, ...]:
    """Why this policy, or why none."""
    first = outcome.profile.sentences[:2]
    if outcome.feasibility.kept is False:
        first = (*first, f"Not feasible: {outcome.feasibility.sentence}.")
    if outcome.best is not outcome.baseline:
        steps = tuple(f"{one.title}: {one.finding}" for one in outcome.experiments if one.kept)
        words = change.describe(outcome.baseline, outcome.best).words
        worth = (*_surprises(outcome), *_worth(outcome))
        return (*first, outcome.best.rationale, *steps, *worth, *words, *outcome.verdict.reasons)
    if outcome.profile.queue_share < profiles.LITTLE_QUEUE:
        idle = (
            f"No approved improvement: queueing is {outcome.profile.queue_share:.1%} of the end-to-end time, "
            f"and a request takes {outcome.profile.service_s:.2f} s once it runs."
        )
        return (*first, idle, *outcome.verdict.reasons)
    if any(one.cost < 0.0 for one in outcome.experiments):
        failed = "No approved improvement: the best candidate failed the exam."
        return (*first, failed, *_surprises(outcome), *outcome.verdict.reasons)
    nearest = min(outcome.experiments, key=lambda one: one.cost, default=None)
    tail = () if nearest is None else (f"Nearest was {nearest.title}: {nearest.finding}",)
    return (
        *first,
        "No approved improvement: no experiment beat the baseline in search.",
        *tail,
        *_surprises(outcome),
    )


def observed(one: Experiment) -> float | None:
    """Improvement of the objective that an experiment showed in search; None where nothing was measured."""
    if one.effect is None:
        return None
    objectives = {objective.metric: objective for objective in goal.OBJECTIVES.values()}
    return objectives[one.effect.metric].improvement(one.effect.estimate)


def missed(one: Experiment) -> float | None:
    """Observed less predicted improvement; None where either is missing."""
    found = observed(one)
    return None if found is None or one.predicted is None else found - one.predicted


def _surprises(outcome: Outcome) -> tuple[str, ...]:
    """The predictions that were farthest off, in one sentence."""
    gaps = [(abs(gap), one) for one in outcome.experiments if (gap := missed(one)) is not None]
    far = sorted((pair for pair in gaps if pair[0] > SURPRISE), key=lambda pair: -pair[0])
    if not far:
        return ()
    told = [f"{one.title} {observed(one):+z.1%} instead of {one.predicted:+z.1%}" for _, one in far[:MOST_TOLD]]
    return (
        f"{len(far)} of {len(gaps)} predictions missed by more than {100 * SURPRISE:.0f} points: {'; '.join(told)}.",
    )


def _worth(outcome: Outcome) -> tuple[str, ...]:
    """What the policy's parts are worth, in at most two sentences."""
    needed = sorted((one for one in outcome.ablation if not one.needless), key=lambda one: -one.cost)
    told = "; ".join(ablations.phrase(one) for one in needed[:MOST_TOLD])
    left = [one.part for one in outcome.ablation if one.policy.digest == outcome.best.digest]
    sentences = [f"What it rests on most: {told}."] if told else []
    return (*sentences, *(f"It does without {part}, which helped nothing." for part in left))

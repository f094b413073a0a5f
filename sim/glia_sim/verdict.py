"""Whether a candidate is approved, decided from its marks; every reason is one sentence with its numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glia_sim import effect, goal, score

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TAIL = "charged.e2e.p99"
TAIL_TOLERANCE = 1.05
"""How much longer than the baseline's the p99 E2E may be under robustness conditions."""
BREACH_TOLERANCE = 1.25
"""How much further than the baseline a constraint that it breaks there may be broken: bursts make quantiles scatter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Marks under one set of conditions.

    Attributes:
        title: the conditions, for people.
        objective: effect on the objective's metric, paired by seed.
        tail: effect on `TAIL`, paired by seed.
        baseline: scorecard of the baseline, pooled over seeds.
        candidate: scorecard of the candidate, pooled over seeds.
    """

    title: str
    objective: effect.Effect
    tail: effect.Effect
    baseline: score.Scorecard
    candidate: score.Scorecard


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The exam's answer.

    Attributes:
        approved: whether no rule was broken.
        reasons: what was shown if approved, else every rule that was broken.
        notes: what was not examined, and why.
        improvement: of the objective on held-out seeds; 0.2 = a fifth better.
        interval: of the improvement.
        heldout: marks on held-out seeds under the conditions as they are.
        robustness: marks under other conditions.
        seeds: the held-out seeds.
    """

    approved: bool
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    improvement: float
    interval: tuple[float, float]
    heldout: Section
    robustness: tuple[Section, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a candidate must show.

    Attributes:
        objective: what it must improve.
        constraints: what must hold.
        min_improvement: the least improvement worth having; 0.05 = 5 %.
    """

    objective: goal.Objective
    constraints: tuple[goal.Constraint, ...] = ()
    min_improvement: float = 0.0

    @property
    def guard_tail(self) -> bool:
        """Whether the p99 must not grow: always for latency; else when no constraint speaks for latency."""
        return self.objective.guards_latency or not self.constraints


def decide(
    rules: Rules, heldout: Section, robustness: tuple[Section, ...], *, notes: tuple[str, ...], seeds: tuple[int, ...]
) -> Verdict:
    """The verdict on a candidate from its marks."""
    asked = [(heldout, HELDOUT_RULES), *((section, ROBUSTNESS_RULES) for section in robustness)]
    broken = tuple(
        f"{section.title}: {what}" for section, table in asked for rule in table for what in rule(rules, section)
    )
    gain = _gain(rules, heldout)
    return Verdict(
        approved=not broken,
        reasons=broken or (f"{heldout.title}: {_success(rules, heldout, len(robustness))}",),
        notes=notes,
        improvement=gain.estimate,
        interval=(gain.low, gain.high),
        heldout=heldout,
        robustness=robustness,
        seeds=seeds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gain:
    """An effect on the objective, turned so that more is better."""

    estimate: float
    low: float
    high: float
    seeds: int

    def __str__(self) -> str:
        return f"{self.estimate:+z.1%} ({self.low:+z.1%} to {self.high:+z.1%}, {self.seeds} seeds)"


def _gain(rules: Rules, section: Section) -> _Gain:
    found = section.objective
    low, high = sorted((rules.objective.improvement(found.low), rules.objective.improvement(found.high)))
    return _Gain(estimate=rules.objective.improvement(found.estimate), low=low, high=high, seeds=found.seeds)


def _improves(rules: Rules, section: Section) -> Iterator[str]:
    gain = _gain(rules, section)
    if _rescues(rules, section):
        return  # to keep what has to hold is what was asked first
    if not gain.low > 0:
        yield f"no improvement of {rules.objective.name} is shown: {gain}"
    elif gain.estimate < rules.min_improvement:
        yield f"{rules.objective.name} improves by less than the {rules.min_improvement:.1%} asked: {gain}"


def _not_worse(rules: Rules, section: Section) -> Iterator[str]:
    gain = _gain(rules, section)
    if gain.high < 0 and not _rescues(rules, section):
        yield f"{rules.objective.name} gets worse: {gain}"


def _rescues(rules: Rules, section: Section) -> bool:
    """Whether the candidate keeps every constraint where the baseline breaks one: what that costs is not a loss."""
    broken = [constraint for constraint in rules.constraints if not constraint.holds(section.baseline)]
    return bool(broken) and all(constraint.holds(section.candidate) for constraint in rules.constraints)


def _constraints_hold(rules: Rules, section: Section) -> Iterator[str]:
    for constraint in rules.constraints:
        if not constraint.holds(section.candidate):
            old, new = constraint.value(section.baseline), constraint.value(section.candidate)
            yield f"'{constraint}' does not hold: {constraint.amount(new)}; the baseline has {constraint.amount(old)}"


def _constraints_tolerable(rules: Rules, section: Section) -> Iterator[str]:
    asked = tuple(one for one in rules.constraints if one.holds(section.baseline) or not _hardly_further(one, section))
    return _constraints_hold(replace(rules, constraints=asked), section)


def _hardly_further(constraint: goal.Constraint, section: Section) -> bool:
    return constraint.value(section.candidate) <= BREACH_TOLERANCE * constraint.value(section.baseline)


def _tail_unharmed(rules: Rules, section: Section) -> Iterator[str]:
    if rules.guard_tail and not section.tail.ratio <= 1.0:
        yield f"{_tail(section)}; more than 1.000 is not allowed"


def _tail_tolerable(rules: Rules, section: Section) -> Iterator[str]:
    if rules.guard_tail and not section.tail.ratio <= TAIL_TOLERANCE:
        yield f"{_tail(section)}; more than {TAIL_TOLERANCE:.3f} is not allowed"


def _never_faults(_rules: Rules, section: Section) -> Iterator[str]:
    if section.candidate.policy_faults:
        yield f"the candidate's programs faulted {section.candidate.policy_faults} times; they must not"


def _fails_no_more(_rules: Rules, section: Section) -> Iterator[str]:
    old, new = section.baseline, section.candidate
    if new.failed_share > old.failed_share:
        yield (
            f"{new.failed} of {new.requests} requests fail ({new.failed_share:.3%}), "
            f"more than the baseline's {old.failed} ({old.failed_share:.3%})"
        )


HELDOUT_RULES = (_improves, _constraints_hold, _tail_unharmed, _never_faults, _fails_no_more)
ROBUSTNESS_RULES = (_not_worse, _constraints_tolerable, _tail_tolerable, _never_faults, _fails_no_more)


def _tail(section: Section) -> str:
    tail = section.tail
    means = f"means {tail.candidate:.4g} s and {tail.baseline:.4g} s"
    return f"p99 E2E is {tail.ratio:.3f} times the baseline's (geometric mean of {tail.seeds} seeds; {means})"


def _success(rules: Rules, section: Section, others: int) -> str:
    held = "".join(f", {_kept(section, constraint)}" for constraint in rules.constraints)
    return (
        f"{rules.objective.name} improves by {_gain(rules, section)}; {_tail(section)}{held}; "
        f"no rule is broken under {others} other conditions"
    )


def _kept(section: Section, constraint: goal.Constraint) -> str:
    if constraint.holds(section.baseline):
        return f"'{constraint}' holds"
    return f"'{constraint}' holds, which the baseline breaks"


def as_json(verdict: Verdict) -> Mapping[str, object]:
    """The verdict as plain JSON values; numbers without a finite value are null."""
    content: Mapping[str, object] = score.as_json(verdict)
    return content

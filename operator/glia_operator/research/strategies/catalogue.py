"""The control: every known policy that fits, tuned; known programs in pairs; and larger sweeps of the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.research import laboratory
from glia_operator.research.strategies import known, screening
from glia_sim.policy import compile as programs

if TYPE_CHECKING:
    from glia_operator.research import brief as briefs
    from glia_operator.research import desk
    from glia_operator.research import outcome as outcomes
    from glia_sim.policy import document

ADDRESSES = "known policies"
PAIRED = 2
"""So many of the best policies are tuned in pairs with every known program that they lack."""
LARGER = 3
"""So many of the best are swept again, in turn, until the experiments are spent."""
SHARE_TUNED = 0.6
"""Share of the experiments that may go into tuning each policy by itself, where there are too few for all."""


def control(research: desk.Research) -> None:
    """Spend the study's experiments on what is known."""
    study = research.study
    fitting = known.policies(study.brief)
    if not fitting or not research.go_on():
        return
    alone, pairs = _ranked(study, fitting)
    tuned = [_tuned(study, policy) for policy in alone[: _most(study.brief, len(alone))] if research.go_on()]
    pairs = [*pairs[:1], *(pair for one in _by_cost(tuned)[:PAIRED] for pair in known.completed(one.policy, fitting))]
    for pair in {tuple(pair.texts.items()): pair for pair in pairs}.values():
        if research.go_on():
            tuned.append(_tuned(study, pair))  # noqa: PERF401 - each asks whether time is left
    while tuned and research.go_on():
        best = min(_by_cost(tuned)[:LARGER], key=lambda one: (_sweeps(tuned, one), one.cost))
        tuned.append(_swept_again(study, best, _sweeps(tuned, best)))


def _most(brief: briefs.Brief, fitting: int) -> int:
    """How many are tuned by themselves."""
    few = round(SHARE_TUNED * brief.experiments)
    return fitting if fitting + PAIRED < brief.experiments else max(few, 1)


def _by_cost(tuned: list[outcomes.Experiment]) -> list[outcomes.Experiment]:
    """The best experiment with each policy, best first."""
    best: dict[tuple[tuple[str, str], ...], outcomes.Experiment] = {}
    for one in sorted(tuned, key=lambda one: one.cost):
        best.setdefault(tuple(one.policy.texts.items()), one)
    return list(best.values())


def _sweeps(tuned: list[outcomes.Experiment], one: outcomes.Experiment) -> int:
    """How often the policy was swept."""
    return sum(other.policy.texts == one.policy.texts for other in tuned)


def _ranked(
    study: laboratory.Study, fitting: tuple[document.Policy, ...]
) -> tuple[list[document.Policy], list[document.Policy]]:
    """Known policies with parameters, and their completions by programs of others; each best first as written."""
    pairs = [pair for policy in fitting for pair in known.completed(policy, fitting)]
    compared = list({tuple(policy.texts.items()): policy for policy in (*fitting, *pairs)}.values())
    written = [study.brief.confined(policy) for policy in compared]
    plan = laboratory.Plan(
        title=f"{len(written)} known policies as they are written",
        hypothesis=f"Control: some policy among {len(written)} known ones and their combinations, as it is written, "
        f"beats {study.brief.baseline.name}.",
        addresses=ADDRESSES,
        policy=study.brief.baseline,
    )
    candidates = [screening.Candidate(policy=policy, program=programs.compile(policy)) for policy in written]
    screened = screening.screen(study, plan, candidates)
    alone = [written[place] for place in screened.order if place < len(fitting)]
    completed = [written[place] for place in screened.order if place >= len(fitting)]
    return [one for one in alone if one.parameters], [one for one in completed if one.parameters]


def _tuned(study: laboratory.Study, policy: document.Policy) -> outcomes.Experiment:
    plan = laboratory.Plan(
        title=f"known: {policy.name}",
        hypothesis=f"Control: the known policy {policy.name}, tuned on the same budget, is the best that is known.",
        addresses=ADDRESSES,
        policy=study.brief.confined(policy),
        patient=True,
    )
    return laboratory.experiment(study, plan)


def _swept_again(study: laboratory.Study, best: outcomes.Experiment, sweeps: int) -> outcomes.Experiment:
    """A larger sweep after so many; each takes a seed more than the last."""
    plan = laboratory.Plan(
        title=f"larger sweep {sweeps}: {best.policy.name}",
        hypothesis=f"Control: {best.policy.name} is better still with a larger sweep that begins where experiment "
        f"{best.number} ended.",
        addresses=ADDRESSES,
        policy=best.policy,
        seeds=laboratory.SEEDS + sweeps - 1,
        wide=True,
        patient=True,
    )
    return laboratory.experiment(study, plan)

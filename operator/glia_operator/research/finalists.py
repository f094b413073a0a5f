"""Who sits the exam: experiments that beat the baseline in search, marked on arrivals that no search has seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glia_operator.research import ablation, laboratory
from glia_sim import seeds
from glia_sim.policy import compile as programs
from glia_sim.policy import document, interpret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.research import outcome as outcomes

VALIDATION_SEEDS = 24
MOST_FINALISTS = 5


def chosen(study: laboratory.Study) -> list[outcomes.Experiment]:
    """Finalists that beat the baseline on validation seeds, best first; empty where none does.

    Among those that tie with the best the shortest policy comes first. Of a careful search (`effort.Effort`) each has
    the gain at which it costs least there: the best of many designs, all marked on the same arrivals up to where a
    constraint binds, keeps it less well on others.
    """
    promising = _different(sorted((one for one in study.experiments if one.cost < 0.0), key=lambda one: one.cost))
    if not promising:
        return []
    study.tell("choosing among the finalists on validation seeds")
    names = " ".join(one.policy.digest[7:19] for one in promising)  # others come in where a study is given more time
    body = study.once("validation", names, lambda: {"finalists": _validated(study, promising)})
    marked = [
        (found["cost"], replace(one, policy=document.with_values(one.policy, found.get("values", {}))))
        for found, one in zip(body["finalists"], promising, strict=True)
        if found["cost"] < 0.0
    ]
    least = min((cost for cost, _ in marked), default=0.0)
    ranked = sorted(marked, key=lambda pair: (pair[0] > least + ablation.TIE, _rank(pair, least)))
    return [finalist for _, finalist in ranked]


def length(policy: document.Policy) -> int:
    """Characters of the programs: of policies that are as good the shorter one is better."""
    return sum(len(text) for text in policy.texts.values())


def _different(experiments: list[outcomes.Experiment]) -> list[outcomes.Experiment]:
    """The first of each policy, whatever its parameters; then the same with other values, where there is room.

    Of experiments that came to the same values the first: what an exam refused sits no second one.
    """
    first: dict[str, outcomes.Experiment] = {}
    apart: dict[str, outcomes.Experiment] = {}
    for one in experiments:
        first.setdefault(repr(one.policy.texts), one)
        apart.setdefault(repr((one.policy.texts, interpret.values(one.policy))), one)
    different = list(first.values())
    return [*different, *(one for one in apart.values() if one not in different)][:MOST_FINALISTS]


def _rank(pair: tuple[float, outcomes.Experiment], least: float) -> float:
    cost, finalist = pair
    return cost if cost > least + ablation.TIE else float(length(finalist.policy))


def _validated(study: laboratory.Study, promising: Sequence[outcomes.Experiment]) -> list[dict[str, Any]]:
    validation = seeds.stream("validation", study.effort.of(VALIDATION_SEEDS), root=study.brief.root)
    compiled = [programs.compile(one.policy) for one in promising]
    if not study.effort.careful:
        costs = study.marker.costs(compiled, study.where, validation)
        return [{"title": one.title, "cost": cost} for one, cost in zip(promising, costs, strict=True)]
    marked = laboratory.judged(study, compiled, validation)
    return [_eased(study, one, found, validation) for one, found in zip(promising, marked, strict=True)]


def _eased(
    study: laboratory.Study, one: outcomes.Experiment, found: dict[str, Any], validation: tuple[int, ...]
) -> dict[str, Any]:
    """A finalist with less gain, as far as that costs less."""
    own = {"values": interpret.values(one.policy), **found}
    eased = laboratory.further(study, one.policy, one.slope, own, way=-1.0, arrivals=validation)
    return {"title": one.title, "cost": eased["cost"], "values": eased["values"]}

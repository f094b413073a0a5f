"""Known policies with their parameters tuned, on the budget of one experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.research import marking, tuning
from glia_sim import seeds
from glia_sim.policy import compile as programs
from glia_sim.policy import document

if TYPE_CHECKING:
    from glia_operator.research import brief as briefs
    from paper import asking

SWEEP = tuning.Sweep(population=8, generations=18, seeds=3)


def tuned(asked: asking.Asked, brief: briefs.Brief, name: str) -> document.Policy:
    """The policy of the catalogue, swept on the brief's training seeds with the cost that the brief's study lowers."""
    asked.progress(f"tuning {name}")
    policy = document.load(name)
    marker = marking.Marker(brief=brief, baseline=programs.compile(brief.baseline), executor=asked.executor)
    training = seeds.stream("training", SWEEP.generations * SWEEP.seeds, root=brief.root)
    (values,) = tuning.tune(policy, marker, marking.conditions(brief), training, SWEEP).stops
    return document.with_values(policy, values)

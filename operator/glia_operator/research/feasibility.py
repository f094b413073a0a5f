"""Whether the constraints can be kept, and what came nearest where they cannot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.research import brief as briefs
    from glia_operator.research import outcome as outcomes
    from glia_sim import verdict

KEPT = "every constraint is kept on held-out arrivals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feasibility:
    """Whether some policy keeps every constraint on held-out arrivals; None where nothing was constrained."""

    kept: bool | None
    sentence: str


def judge(brief: briefs.Brief, experiments: Sequence[outcomes.Experiment], examined: verdict.Section) -> Feasibility:
    """From what was examined; where that breaks a constraint, the experiment that came nearest says what is feasible.

    Args:
        brief: whose constraints are asked about.
        experiments: with what each measured of every constraint in search.
        examined: the exam's marks on held-out arrivals, of baseline and candidate.
    """
    if not brief.constraints:
        return Feasibility(kept=None, sentence="")
    cards = (examined.baseline, examined.candidate)
    if any(all(one.holds(card) for one in brief.constraints) for card in cards):
        return Feasibility(kept=True, sentence=KEPT)
    broken = []
    for one in brief.constraints:
        nearest = min(one.value(card) for card in cards)
        if not nearest < one.limit:
            broken.append(f"'{one}' is out of reach: {one.amount(nearest)} came nearest in the exam")
    what = "; ".join(broken) or "no policy keeps all constraints at once"
    cure = "loosen the constraint, or give the fleet more replicas"
    return Feasibility(kept=False, sentence=f"{what}; {_nearest(brief, experiments)}{cure}")


def _nearest(brief: briefs.Brief, experiments: Sequence[outcomes.Experiment]) -> str:
    """The limits that the experiment of the least overstep keeps, in words; empty where there is none."""
    measured = [one for one in experiments if one.constraints and all(map(math.isfinite, one.constraints))]
    if not measured:
        return ""
    best = min(measured, key=lambda one: _overstep(brief, one))
    points = ", ".join(
        f"{one.statistic} {one.measure} {one.amount(value)}"
        for one, value in zip(brief.constraints, best.constraints, strict=True)
    )
    return f"the nearest feasible point is {points} (experiment {best.number}, {best.title}); "


def _overstep(brief: briefs.Brief, one: outcomes.Experiment) -> float:
    """The worst constraint's value over its limit."""
    return max(value / asked.limit for value, asked in zip(one.constraints, brief.constraints, strict=True))

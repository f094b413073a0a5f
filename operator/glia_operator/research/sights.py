"""What the Researcher may look at: the run of an experiment's policy on the trace itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.research import profile as profiles
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs

if TYPE_CHECKING:
    from glia_operator.research import desk, team

TIMELINE_POINTS = 200


def answer(research: desk.Research, turn: team.Turn) -> str:
    """The answer to an inspection or an analysis."""
    number = turn.numbers[0] if turn.numbers else 0
    policy = research.policy(number)
    if policy is None:
        return f"there is no experiment {number}; there are {len(research.study.experiments)}"
    brief = research.study.marker.brief
    step = max(brief.workload.duration_s / TIMELINE_POINTS, 0.05)
    run = runs.simulate(brief.fleet, brief.workload, programs.compile(policy), timeline_s=step)
    return " ".join(profiles.profile(run).sentences)

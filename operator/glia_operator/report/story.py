"""Everything a report tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glia_operator.research import outcome as outcomes
    from glia_sim import fleet, goal
    from glia_sim.engine import run as runs
    from glia_sim.workload import trace


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Story:
    """A finished run of research.

    Attributes:
        machines: the fleet.
        workload: the trace as it was served.
        objective: what was to improve.
        constraints: what had to hold.
        outcome: what the research found.
        runs: the trace itself served under the baseline and under the best policy, with timelines.
        wall_s: how long the whole run took.
    """

    machines: fleet.Fleet
    workload: trace.Workload
    objective: goal.Objective
    constraints: tuple[goal.Constraint, ...]
    outcome: outcomes.Outcome
    runs: tuple[runs.Run, runs.Run]
    wall_s: float

    @property
    def predicts(self) -> bool:
        """Whether any experiment says what it expects."""
        return any(one.predicted is not None for one in self.outcome.experiments)

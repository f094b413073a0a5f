"""What a study is asked: the fleet, the workload, the policy in use, and what better means."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_sim import verdict

if TYPE_CHECKING:
    from glia_sim import fleet, goal
    from glia_sim.policy import document
    from glia_sim.workload import trace

PROGRAMS = frozenset({"router", "scheduler", "autoscaler"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A study's question.

    Attributes:
        tunes: which programs may change, a subset of `PROGRAMS`.
        experiments: at most so many hypotheses are tried; a parameter sweep is part of its experiment.
        seconds: no new experiment begins after so many seconds; None = no limit.
        root: another root draws other seeds, in search and exam alike.
        min_improvement: the least improvement worth having; 0.05 = 5 %.
    """

    fleet: fleet.Fleet
    workload: trace.Workload
    baseline: document.Policy
    objective: goal.Objective
    constraints: tuple[goal.Constraint, ...] = ()
    tunes: frozenset[str] = PROGRAMS
    experiments: int = 20
    seconds: float | None = None
    root: int = 0
    min_improvement: float = 0.0

    @property
    def rules(self) -> verdict.Rules:
        """The exam's rules."""
        return verdict.Rules(
            objective=self.objective, constraints=self.constraints, min_improvement=self.min_improvement
        )

    @property
    def digest(self) -> str:
        """Identity of the question: two briefs with one digest have the same answer. The time limit does not count."""
        parts = (
            repr(self.fleet),
            self.workload.digest,
            self.baseline.digest,
            self.objective.name,
            *(str(constraint) for constraint in self.constraints),
            *sorted(self.tunes),
            f"{self.experiments} {self.root} {self.min_improvement!r}",
        )
        return "sha256:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()

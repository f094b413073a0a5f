"""What a study is asked: the fleet, the workload, the policy in use, and what better means."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_sim import faults, verdict
from glia_sim.policy import document

if TYPE_CHECKING:
    from glia_sim import fleet, goal
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
        strategy: how the study goes about it, a name in `research.strategy`.
        brain: name of who thinks.
        hints: what the user knows. They may change what a brain tries, not what the question is.
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
    strategy: str = "glia"
    brain: str = "playbook"
    hints: str = ""

    @property
    def rules(self) -> verdict.Rules:
        """The exam's rules."""
        return verdict.Rules(
            objective=self.objective, constraints=self.constraints, min_improvement=self.min_improvement
        )

    @property
    def digest(self) -> str:
        """Identity of the question: two briefs with one digest have the same answer, if their brains answer the same.

        The time limit and the hints do not count.
        """
        parts = (
            repr(self.fleet),
            self.workload.digest,
            self.baseline.digest,
            self.objective.name,
            *(str(constraint) for constraint in self.constraints),
            *sorted(self.tunes),
            f"{self.experiments} {self.root} {self.min_improvement!r}",
            f"{self.strategy} {self.brain}",
        )
        return "sha256:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def confined(self, policy: document.Policy) -> document.Policy:
        """The policy with the baseline's programs where the brief lets nothing change.

        Raises:
            InputFault: a program of the baseline and one of the policy read parameters of the same name.
        """
        kept = {name: text for name, text in self.baseline.texts.items() if name not in self.tunes}
        own = {name: text for name, text in policy.texts.items() if name in self.tunes}
        if not kept and own == policy.texts:
            return policy
        read = {name: _read(policy, name) for name in own} | {name: _read(self.baseline, name) for name in kept}
        for name in kept:
            for other in own:
                for parameter in sorted(read[name] & read[other]):
                    raise faults.InputFault(
                        f"policy {policy.name}: parameter {parameter} is read by its {other} and by the baseline's "
                        f"{name}, which stays; give the {other}'s parameter another name"
                    )
        parameters = {
            name: source.parameters[name]
            for source, programs in ((policy, own), (self.baseline, kept))
            for name in source.parameters
            if any(name in read[program] for program in programs)
        }
        return document.Policy(name=policy.name, rationale=policy.rationale, parameters=parameters, **{**own, **kept})

    def fixed(self, policy: document.Policy) -> frozenset[str]:
        """Names of the parameters that only programs read which may not change."""
        tuned = {name for program in policy.texts if program in self.tunes for name in _read(policy, program)}
        return frozenset(policy.parameters) - tuned


def _read(policy: document.Policy, program: str) -> frozenset[str]:
    facts = policy.programs[program].facts.values()
    return frozenset(name for one in facts for name in one.parameters)

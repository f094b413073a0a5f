"""One paired experiment: the same resampled arrivals, served once under each policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from glia_sim import score
from glia_sim.workload import resample

if TYPE_CHECKING:
    from glia_sim import fleet
    from glia_sim.engine import run as runs
    from glia_sim.policy import compile as programs
    from glia_sim.workload import trace


class Simulate(Protocol):
    """What a trial needs of the twin, `engine.run.simulate`; a module's function can travel to worker processes."""

    def __call__(self, machines: fleet.Fleet, workload: trace.Workload, program: programs.Program, /) -> runs.Run:
        """Serve the workload on the machines under the policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A fleet, a trace, the compiled policies to compare, and how their common arrivals are drawn.

    Attributes:
        machines: the fleet.
        workload: the trace that arrivals are resampled from.
        programs: each serves the same arrivals.
        seed: of the resampling.
        load: arrival rate as a multiple of the trace's.
        burstier: whether arrivals come in busy and quiet spells (`resample.burstier`).
    """

    machines: fleet.Fleet
    workload: trace.Workload
    programs: tuple[programs.Program, ...]
    seed: int
    load: float = 1.0
    burstier: bool = False


def play(trial: Trial, simulate: Simulate) -> tuple[score.Record, ...]:
    """One record per program, in order."""
    arrivals = drawn(trial)
    return tuple(score.record(simulate(trial.machines, arrivals, program)) for program in trial.programs)


def drawn(trial: Trial) -> trace.Workload:
    """The arrivals that every program of the trial meets."""
    arrivals = resample.like(trial.workload, trial.seed)
    if trial.burstier:
        arrivals = resample.burstier(arrivals, trial.seed)
    return arrivals.scaled(1.0 / trial.load)

"""One policy on a scene: its run and the processor time the simulation took."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_operator.cli import blame, patience
from glia_sim import score
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs

if TYPE_CHECKING:
    from glia_operator.cli import scene
    from glia_sim.policy import document

WARM_UP_REQUESTS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """A finished simulation.

    Attributes:
        label: the policy as the user named it.
        run: what happened to every request.
        card: its marks.
        cpu_s: processor seconds of the simulation call, all compiling done before.
    """

    label: str
    run: runs.Run
    card: score.Scorecard
    cpu_s: float


def prepare(where: scene.Scene, policy: document.Policy) -> programs.Program:
    """The compiled policy and the simulator with it, from the cache or compiled now; says so where that takes long."""
    with patience.telling("compiling the simulator, once per machine and version"):
        program = programs.compile(policy)
        runs.simulate(where.machines, where.workload.limited(0.0, WARM_UP_REQUESTS), program)
    return program


def measure(where: scene.Scene, label: str, policy: document.Policy, *, timeline_s: float | None = None) -> Measured:
    """Serve the scene's requests under the policy.

    Raises:
        InputFault: one of its programs faults on the way: what follows would be marks of the fallback.
    """
    program = prepare(where, policy)
    began = time.process_time()
    run = runs.simulate(where.machines, where.workload, program, timeline_s=timeline_s)
    cpu_s = time.process_time() - began
    if run.policy_faults:
        raise blame.explain(where, label, program)
    return Measured(label=label, run=run, card=score.card(run), cpu_s=cpu_s)

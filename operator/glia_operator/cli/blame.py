"""Where and why a policy's program faulted during a simulation.

Compiled programs only count their faults. To explain one, the simulation, which is deterministic, runs again with a
witness around every function of the policy. The witness notes the views of the first fault behind the parameters in the
vector `p`, the one array that the engine hands through unread; the interpreter then meets the same fault by its name.
"""

from __future__ import annotations

import pathlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from glia_sim import faults
from glia_sim.engine import run as runs
from glia_sim.policy import catalogue, fields, interpret, marks, tree

if TYPE_CHECKING:
    import numpy.typing as npt

    from glia_operator.cli import scene
    from glia_sim.policy import compile as programs

    Floats = npt.NDArray[np.float64]

FUNCTIONS = ("order", "score", "priority", "replicas")
HEAD = 4
"""Slots before the views: code of the fault, position in FUNCTIONS, replica rows, serving replicas."""


def explain(where: scene.Scene, label: str, program: programs.Program) -> faults.InputFault:
    """The fault to raise for a policy whose programs faulted on this scene."""
    at = len(program.values)
    scaler = where.machines.autoscaler
    rows = where.machines.replicas + (scaler.max_replicas if scaler else 0)
    room = HEAD + len(fields.REQUEST) + fields.FLEET_WIDTH + rows * len(fields.REPLICA)
    defined = [name for name in FUNCTIONS if program.policy.function(name)]
    witnesses = {name: _witness(getattr(program, name), FUNCTIONS.index(name), at) for name in defined}
    watched = replace(program, values=np.append(program.values, np.zeros(room)), **witnesses)
    run = runs.simulate(where.machines, where.workload, watched)
    noted = watched.values[at:]
    function = FUNCTIONS[int(noted[1])]
    (name,) = (name for name, functions in tree.PROGRAMS.items() if function in functions)
    what = _what(program, function, noted) or "an operation has no finite result"
    line, column = divmod(int(noted[0]), 1000)
    sentence = (
        f"{name}, line {line}, column {column}: {what} ({run.policy_faults} decisions of this simulation fault); "
        "guard the operation, for example with max(x, 1)"
    )
    if label in catalogue.names():
        return faults.InputFault(f"policy {label}: {sentence}")
    return marks.read(marks.read_file(pathlib.Path(label)), label).program_fault(name, line, sentence)


def _witness(inner: Any, which: int, at: int) -> Any:  # noqa: ANN401 - numba has no types
    """The same function, which also notes its first fault in p[at:]."""

    def note(request, replicas, n, fleet, p, fault):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        if fault[0] == 0 or p[at] != 0:
            return
        p[at], p[at + 1], p[at + 2], p[at + 3] = fault[0], which, replicas.shape[0], n
        slot = at + HEAD
        for view in (request, fleet, replicas.ravel()):
            p[slot : slot + len(view)] = view
            slot += len(view)

    noting = numba.njit(note)

    def evaluate(request, replicas, n, fleet, p, fault):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        value = inner(request, replicas, n, fleet, p, fault)
        noting(request, replicas, n, fleet, p, fault)
        return value

    def score(request, replicas, n, fleet, p, scores, fault):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        inner(request, replicas, n, fleet, p, scores, fault)
        noting(request, replicas, n, fleet, p, fault)

    return numba.cfunc(inner._sig)(score if FUNCTIONS[which] == "score" else evaluate)  # noqa: SLF001 - no public name


def _what(program: programs.Program, function: str, noted: Floats) -> str | None:
    """The interpreter's sentence for the noted fault."""
    count, serving = int(noted[2]), int(noted[3])
    request, fleet, rest = np.split(noted[HEAD:], [len(fields.REQUEST), len(fields.REQUEST) + fields.FLEET_WIDTH])
    table = rest[: count * len(fields.REPLICA)].reshape(count, len(fields.REPLICA))
    rows = [_view(fields.REPLICA, row) for row in table[: int(fleet[fields.ROWS])]]
    views = {"request": _view(fields.REQUEST, request), "fleet": _view(fields.FLEET, fleet)}
    run = interpret.prepare(program.policy, function)
    seen = [{"replica": _view(fields.REPLICA, row)} for row in table[:serving]] if function == "score" else [{}]
    for replica in seen:
        try:
            run({**views, **replica, "p": interpret.values(program.policy)}, rows)
        except faults.PolicyFault as fault:
            return str(fault).partition(": ")[2]
    return None


def _view(columns: tuple[fields.Field, ...], values: Floats) -> dict[str, float]:
    return dict(zip((field.name for field in columns), values.tolist(), strict=False))

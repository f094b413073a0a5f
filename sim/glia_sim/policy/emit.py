"""Tree to the source of a module that numba compiles: one entry point per function of a policy."""

from __future__ import annotations

from glia_sim.policy import careful, fields, quick, tree

_JIT = '@numba.njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)'

_HEAD = """\
# Written by glia_sim.policy.emit. The name of this file is a digest of its content.
import math

import numba
from numba import f8, i8

from glia_sim.policy.primitives import BLOCK, SKIP, ceil, cell, finite, finite_cell, finite_row_cell, floor, row_cell
"""

_CAREFUL = """

{jit}
def careful(request, replicas, row_replica, fleet, p, fault):
    rows = {rows}
"""

_QUICK = """

{jit}
def quick({arguments}):
"""

_ROWS = f"min(int(fleet[{fields.ROWS}]), replicas.shape[0])"

_NUMBER_ENTRY = """

@numba.cfunc(f8(f8[::1], f8[:, ::1], i8, f8[::1], f8[::1], i8[::1]), cache=True)
def entry(request, replicas, n, fleet, p, fault):
    return careful(request, replicas, 0, fleet, p, fault)
"""

_SCORE_ENTRY = """

@numba.cfunc(numba.void(f8[::1], f8[:, ::1], i8, f8[::1], f8[::1], f8[::1], i8[::1]), cache=True)
def entry(request, replicas, n, fleet, p, scores, fault):
    rows = {rows}
    poison = 0.0
{loads}
    for row_replica in range(n):
        scores[row_replica], poisoned = quick({arguments})
        poison += poisoned
    if poison != 0.0:  # something was not finite: find out what, and where
        for row_replica in range(n):
            scores[row_replica] = careful(request, replicas, row_replica, fleet, p, fault)
"""


def module(function: tree.Function, parameters: tuple[str, ...]) -> str:
    """Source of a module whose `entry` is the function as a numba cfunc.

    Args:
        function: checked.
        parameters: names in the order of the vector `p`.
    """
    source = _HEAD + _CAREFUL.format(jit=_JIT, rows=_ROWS)
    source += "\n".join(careful.Writer(parameters).body(function.body, "    ")) + "\n"
    if function.name != "score":
        return source + _NUMBER_ENTRY
    writer = quick.Writer(parameters)
    body = "\n".join(writer.body(function.body)) + "\n"
    loads = "\n".join(f"    {name} = {text}" for name, text in writer.loads.items())
    arguments = ", ".join(["replicas", "row_replica", "rows", *writer.loads])
    source += _QUICK.format(jit=_JIT, arguments=arguments) + body
    return source + _SCORE_ENTRY.format(rows=_ROWS, loads=loads, arguments=arguments)

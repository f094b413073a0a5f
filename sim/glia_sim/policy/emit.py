"""Tree to the source of a module that numba compiles: one entry point per function of a policy."""

from __future__ import annotations

from glia_sim.policy import careful, fields, quick, tree

_HEAD = """\
# Written by glia_sim.policy.emit. The name of this file is a digest of its content.
import math

import numba
from numba import f8, i8

from glia_sim.policy.primitives import BLOCK, SKIP, ceil, finite, floor, floor_divide, larger, modulo, smaller
"""

_CAREFUL = """

@numba.njit(error_model="numpy")
def careful(request, replicas, row_replica, fleet, p, fault):
    rows = {rows}
"""

_QUICK = """

@numba.njit(error_model="numpy")
def quick(request, replicas, row_replica, fleet, p):
    rows = {rows}
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
    poison = 0.0
    for row in range(n):
        scores[row], poisoned = quick(request, replicas, row, fleet, p)
        poison += poisoned
    if poison != 0.0:  # something was not finite: find out what, and where
        for row in range(n):
            scores[row] = careful(request, replicas, row, fleet, p, fault)
"""


def module(function: tree.Function, parameters: tuple[str, ...]) -> str:
    """Source of a module whose `entry` is the function as a numba cfunc.

    Args:
        function: checked.
        parameters: names in the order of the vector `p`.
    """
    source = _HEAD + _CAREFUL.format(rows=_ROWS)
    source += "\n".join(careful.Writer(parameters).body(function.body, "    ")) + "\n"
    if function.name != "score":
        return source + _NUMBER_ENTRY
    source += _QUICK.format(rows=_ROWS)
    source += "\n".join(quick.Writer(parameters).body(function.body)) + "\n"
    return source + _SCORE_ENTRY

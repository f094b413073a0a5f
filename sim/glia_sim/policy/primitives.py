"""What compiled programs compute with: float64 operations that never raise and note the first fault.

Every operation with a result that is not finite writes its position into `fault[0]`, unless an earlier one stands
there, and goes on with 0.0. The bits of every other result are those of plain Python: no fastmath, and no fused
multiply-add.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Faults = npt.NDArray[np.int64]

_Function = TypeVar("_Function", bound="Callable[..., Any]")

SKIP = -math.inf
BLOCK = math.inf
_LARGEST = float(np.finfo(np.float64).max)
_HALF = 0.5


def _jit(function: _Function) -> _Function:
    return cast("_Function", numba.njit(error_model="numpy")(function))


@_jit
def fail(fault: Faults, code: int) -> float:
    if fault[0] == 0:
        fault[0] = code
    return 0.0


@_jit
def finite(value: float, fault: Faults, code: int) -> float:
    if abs(value) <= _LARGEST:
        return value
    return fail(fault, code)


@_jit
def add(left: float, right: float, fault: Faults, code: int) -> float:
    return finite(left + right, fault, code)


@_jit
def subtract(left: float, right: float, fault: Faults, code: int) -> float:
    return finite(left - right, fault, code)


@_jit
def multiply(left: float, right: float, fault: Faults, code: int) -> float:
    return finite(left * right, fault, code)


@_jit
def divide(left: float, right: float, fault: Faults, code: int) -> float:
    return finite(left / right, fault, code)  # with the numpy error model a zero gives inf or NaN, and so a fault


@_jit
def modulo(left: float, right: float, fault: Faults, code: int) -> float:
    if right == 0.0:
        return fail(fault, code)
    rest = float(np.fmod(left, right))
    if rest == 0.0:
        return math.copysign(0.0, right)
    return rest + right if (rest < 0.0) != (right < 0.0) else rest


@_jit
def floor_divide(left: float, right: float, fault: Faults, code: int) -> float:
    """CPython's own algorithm, float_floor_div of Objects/floatobject.c."""
    if right == 0.0:
        return fail(fault, code)
    rest = float(np.fmod(left, right))
    quotient = (left - rest) / right
    if rest != 0.0 and (rest < 0.0) != (right < 0.0):
        quotient -= 1.0
    if quotient == 0.0:
        return math.copysign(0.0, left / right)
    whole = float(np.floor(quotient))
    if quotient - whole > _HALF:
        whole += 1.0
    return finite(whole, fault, code)


@_jit
def smaller(left: float, right: float) -> float:
    return right if right < left else left  # noqa: FURB136  # numba's own min orders signed zeros differently


@_jit
def larger(left: float, right: float) -> float:
    return right if right > left else left  # noqa: FURB136


@_jit
def floor(value: float) -> float:
    return float(np.floor(value)) + 0.0  # the sum turns -0.0 into 0.0, as the integers of Python's math.floor do


@_jit
def ceil(value: float) -> float:
    return float(np.ceil(value)) + 0.0


@_jit
def exp(value: float, fault: Faults, code: int) -> float:
    return finite(math.exp(value), fault, code)


@_jit
def log(value: float, fault: Faults, code: int) -> float:
    return math.log(value) if value > 0.0 else fail(fault, code)


@_jit
def sqrt(value: float, fault: Faults, code: int) -> float:
    return math.sqrt(value) if value >= 0.0 else fail(fault, code)

"""What compiled programs compute with, beyond numba's own float64 arithmetic under its numpy error model.

Nothing here raises: an operation without a result gives NaN or an infinity, and `finite` turns that into a fault. The
bits of every other result are those of plain Python: no fastmath, and no fused multiply-add.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # ships no types
from numba import extending, types
from numba.core import cgutils

if TYPE_CHECKING:
    from collections.abc import Callable

_Function = TypeVar("_Function", bound="Callable[..., Any]")

SKIP = -math.inf
BLOCK = math.inf
_LARGEST = float(np.finfo(np.float64).max)
_DOUBLE = ir.DoubleType()


def _intrinsic(function: _Function) -> _Function:
    return cast("_Function", extending.intrinsic(function))


# Intrinsics: LLVM code in place. numba would compile a function again for every constant `code` or `column`, and its
# own indexing takes several times as long to compile.


def _checked(context: Any, builder: Any, value: Any, faults: tuple[Any, Any], code: Any) -> Any:  # noqa: ANN401
    """`value` when it is finite; else 0.0, and `code` in fault[0] unless an earlier fault stands there."""
    fault_type, fault = faults
    magnitude = builder.call(builder.module.declare_intrinsic("llvm.fabs", [_DOUBLE]), [value])
    good = builder.fcmp_ordered("<=", magnitude, ir.Constant(_DOUBLE, _LARGEST))
    with builder.if_then(builder.not_(good), likely=False):
        place = context.make_array(fault_type)(context, builder, fault).data
        first = builder.load(place)
        builder.store(builder.select(cgutils.is_null(builder, first), code, first), place)
    return builder.select(good, value, ir.Constant(_DOUBLE, 0.0))


def _loaded(context: Any, builder: Any, array_type: Any, array: Any, index: list[Any]) -> Any:  # noqa: ANN401
    """The cell of a C-contiguous vector [column] or table [row, column]; whoever calls keeps the index within it."""
    parts = context.make_array(array_type)(context, builder, array)
    *row, column = index
    if row:
        column = builder.add(builder.mul(row[0], builder.extract_value(parts.shape, 1)), column)
    return builder.load(builder.gep(parts.data, [column]))


@_intrinsic
def finite(typing: Any, value: Any, fault: Any, code: Any) -> Any:  # noqa: ANN401  # numba has no types
    """`value`, checked."""
    del typing, value, code

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        value, fault, code = arguments
        return _checked(context, builder, value, (signature.args[1], fault), code)

    return types.float64(types.float64, fault, types.int64), generate


@_intrinsic
def cell(typing: Any, vector: Any, column: Any) -> Any:  # noqa: ANN401
    """vector[column]."""
    del typing, column

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return _loaded(context, builder, signature.args[0], arguments[0], arguments[1:])

    return types.float64(vector, types.int64), generate


@_intrinsic
def row_cell(typing: Any, table: Any, row: Any, column: Any) -> Any:  # noqa: ANN401
    """table[row, column]."""
    del typing, row, column

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        return _loaded(context, builder, signature.args[0], arguments[0], arguments[1:])

    return types.float64(table, types.int64, types.int64), generate


@_intrinsic
def finite_cell(typing: Any, vector: Any, column: Any, fault: Any, code: Any) -> Any:  # noqa: ANN401
    """vector[column], checked."""
    del typing, column, code

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        vector, column, fault, code = arguments
        value = _loaded(context, builder, signature.args[0], vector, [column])
        return _checked(context, builder, value, (signature.args[2], fault), code)

    return types.float64(vector, types.int64, fault, types.int64), generate


@_intrinsic
def finite_row_cell(typing: Any, table: Any, row: Any, column: Any, fault: Any, code: Any) -> Any:  # noqa: ANN401
    """table[row, column], checked."""
    del typing, row, column, code

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        table, row, column, fault, code = arguments
        value = _loaded(context, builder, signature.args[0], table, [row, column])
        return _checked(context, builder, value, (signature.args[3], fault), code)

    return types.float64(table, types.int64, types.int64, fault, types.int64), generate


def _rounding(name: str) -> Any:  # noqa: ANN401
    """A rounding of LLVM, plus 0.0, which turns -0.0 into 0.0 as the integers of Python's math module do."""

    @_intrinsic
    def rounding(typing: Any, value: Any) -> Any:  # noqa: ANN401
        del typing, value

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
            del context, signature
            rounded = builder.call(builder.module.declare_intrinsic(name, [_DOUBLE]), arguments)
            return builder.fadd(rounded, ir.Constant(_DOUBLE, 0.0))

        return types.float64(types.float64), generate

    return rounding


floor = _rounding("llvm.floor")
ceil = _rounding("llvm.ceil")

"""Passing a bundle of arrays to kernels as one address.

numba hands a tuple of arrays to a callee member by member: forty arrays are three hundred words per call, and code that
grows with every level of calls. A handle is one word, the address of a table with each array's data pointer and shape;
`w.req` inside a kernel reads that table. The table never changes during a simulation, which the compiler is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba.core import cgutils, types
from numba.extending import NativeValue, intrinsic, models, overload_attribute, register_model, typeof_impl, unbox
from numba.np import arrayobj, numpy_support

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = 4  # data pointer and up to three extents
_WORD_BYTES = 8


class Handle:
    """Address of a table of arrays; keeps the arrays alive."""

    __slots__ = ("arrays", "kind", "table")

    def __init__(self, kind: HandleType, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        self.kind = kind
        self.arrays = arrays
        words: list[int] = []
        for name, array in arrays.items():
            if not array.flags.c_contiguous:
                raise ValueError(f"{kind.name}.{name} is not contiguous; kernels address whole C-ordered arrays")
            words += [array.ctypes.data, *array.shape] + [0] * (_WORDS - 1 - array.ndim)
        self.table = np.array(words, np.int64)


class HandleType(types.Type):  # type: ignore[misc]
    """numba's type of a handle; one per bundle."""

    def __init__(self, name: str) -> None:
        super().__init__(name=f"Handle({name})")


@register_model(HandleType)
class _HandleModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Any) -> None:  # noqa: ANN401 - numba's own objects
        super().__init__(dmm, fe_type, cgutils.intp_t)


@typeof_impl.register(Handle)  # type: ignore[untyped-decorator]
def _typeof(value: Handle, _context: object) -> HandleType:
    return value.kind


@unbox(HandleType)  # type: ignore[untyped-decorator]
def _unbox(_kind: HandleType, obj: Any, c: Any) -> Any:  # noqa: ANN401 - numba's own objects
    table = c.pyapi.object_getattr_string(obj, "table")
    pointer = c.pyapi.object_getattr_string(c.pyapi.object_getattr_string(table, "ctypes"), "data")
    return NativeValue(c.pyapi.long_as_longlong(pointer))


def _declare_field(kind: HandleType, name: str, position: int, array: types.Array) -> None:
    """Let kernels read `handle.name` as an array of that type."""

    @intrinsic
    def read(_context, handle):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        def build(context, builder, _signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            def word(k: int) -> Any:  # noqa: ANN401
                at = builder.add(arguments[0], cgutils.intp_t(_WORD_BYTES * (_WORDS * position + k)))
                loaded = builder.load(builder.inttoptr(at, cgutils.intp_t.as_pointer()))
                loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
                return loaded

            element = context.get_data_type(array.dtype)
            size = cgutils.intp_t(context.get_abi_sizeof(element))
            shape = [word(1 + axis) for axis in range(array.ndim)]
            strides = [size]
            for extent in reversed(shape[1:]):
                strides.insert(0, builder.mul(strides[0], extent))
            value = context.make_array(array)(context, builder)
            arrayobj.populate_array(
                value,
                data=builder.inttoptr(word(0), element.as_pointer()),
                shape=shape,
                strides=strides,
                itemsize=size,
                meminfo=None,
            )
            return value._getvalue()  # noqa: SLF001 - numba's documented idiom

        return array(handle), build

    @overload_attribute(HandleType, name)
    def attribute(handle):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        if handle == kind:
            return lambda handle: read(handle)  # noqa: PLW0108  # numba compiles this very function
        return None


def declare(name: str, fields: Mapping[str, tuple[Any, int]]) -> HandleType:
    """A handle type whose fields are C-ordered arrays of (numpy dtype, dimensions)."""
    kind = HandleType(name)
    for position, (field, (dtype, dimensions)) in enumerate(fields.items()):
        element = numpy_support.from_dtype(np.dtype(dtype))
        _declare_field(kind, field, position, types.Array(element, dimensions, "C"))
    return kind

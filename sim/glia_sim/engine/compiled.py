"""How kernels are compiled: cached on disk, no fast-math, no exceptions from arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile a function that only other kernels call; wrappers for Python callers would double the compile time.

    IEEE semantics are kept (no reassociation, no fused multiply-add), so the same inputs give the same bytes.
    """
    compiled: F = numba.njit(
        cache=True, error_model="numpy", fastmath=False, no_cpython_wrapper=True, no_cfunc_wrapper=True
    )(function)
    return compiled


def entry(function: F) -> F:
    """Compile a function that Python calls; machine code is cached across processes."""
    compiled: F = numba.njit(cache=True, error_model="numpy", fastmath=False)(function)
    return compiled

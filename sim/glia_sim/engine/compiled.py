"""How kernels are compiled: cached on disk, no fast-math, no exceptions from arithmetic.

In loops over many requests an index is written `np.uintp(q)`: a signed one costs more, for it may count from the end.
"""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

import numba

from glia_sim.policy import compile as programs
from glia_sim.policy import fields

F = TypeVar("F", bound=Callable[..., Any])


def _folder() -> str:
    """Cache folder of these very sources: numba itself would not notice a change in a kernel that another one calls."""
    sources = [*sorted(pathlib.Path(__file__).parent.glob("*.py")), pathlib.Path(fields.__file__)]
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sources:
        digest.update(source.read_bytes())
    return str(programs.cache_folder().parent / f"engine-{digest.hexdigest()[:16]}")


_FOLDER = _folder()


def _compile(function: F, **options: bool) -> F:
    """Compile on first use, with IEEE semantics: the same inputs give the same bytes."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = _FOLDER
    try:
        compiled: F = numba.njit(cache=True, error_model="numpy", fastmath=False, **options)(function)
    finally:
        numba.config.CACHE_DIR = before
    return compiled


def kernel(function: F) -> F:
    """Compile a function that only other kernels call; wrappers for Python callers would double the compile time."""
    return _compile(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def entry(function: F) -> F:
    """Compile a function that Python calls."""
    return _compile(function)

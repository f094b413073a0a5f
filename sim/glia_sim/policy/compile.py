"""Policy to machine code, through generated modules that a second process loads from the cache in milliseconds."""

from __future__ import annotations

import functools
import hashlib
import importlib.machinery
import os
import pathlib
import sys
import tempfile
import types
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from glia_sim import faults
from glia_sim.policy import ageing, document, emit, parse, phrases, primitives, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """A policy as machine code.

    `order`, `priority` and `replicas` are numba cfuncs f8(request f8[:], replicas f8[:, :], n i8, fleet f8[:],
    p f8[:], fault i8[:]); `replicas` ignores its request. `score` is a cfunc
    void(request, replicas, n, fleet, p, scores f8[:], fault) that fills scores[:n], with SKIP as -inf and BLOCK as
    +inf. Columns are those of `fields`; a loop of a program runs over rows 0 .. fleet[fields.ROWS] - 1.
    A function that the policy does not define answers 0.0.
    fault[0] stays 0, or becomes line * 1000 + column of the first fault; the results of that call mean nothing then.

    Args:
        values: the vector p, in order of `parameter_names`.
        order_is_static: the order of a request never changes while it is held.
        order_is_steady: it ages, but held requests never pass each other (`ageing.is_steady`).
        reads: views that any function reads, as "replica.kv_used"; "fleet.replicas" stands for a loop.
    """

    policy: document.Policy
    parameter_names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    order: Any
    score: Any
    priority: Any
    replicas: Any
    has_order: bool
    has_score: bool
    has_scheduler: bool
    has_autoscaler: bool
    order_is_static: bool
    order_is_steady: bool
    reads: frozenset[str]

    def with_values(self, values: Mapping[str, float]) -> Program:
        """The same machine code with other values of some parameters; InputFault outside the bounds."""
        policy = document.with_values(self.policy, values)
        return replace(self, policy=policy, values=_vector(policy))

    def __reduce__(self) -> tuple[Callable[[document.Policy], Program], tuple[document.Policy]]:
        return compile, (self.policy,)


def compile(policy: document.Policy) -> Program:  # noqa: A001  # reads as compile.compile(policy)
    """Machine code of a policy, from the cache where it has been compiled before."""
    names = tuple(policy.parameters)
    entries = {name: _load(emit.module(policy.function(name) or _absent(name), names)) for name in tree.SIGNATURES}
    facts = {name: facts for checked in policy.programs.values() for name, facts in checked.facts.items()}
    order = policy.function("order")
    return Program(
        policy=policy,
        parameter_names=names,
        values=_vector(policy),
        has_order="order" in facts,
        has_score="score" in facts,
        has_scheduler="priority" in facts,
        has_autoscaler="replicas" in facts,
        order_is_static="order" not in facts or ageing.is_still(facts["order"].views),
        order_is_steady=order is not None and ageing.is_steady(order),
        reads=frozenset(view for one in facts.values() for view in one.views),
        **entries,
    )


def cache_folder() -> pathlib.Path:
    """Folder of the generated modules: NUMBA_CACHE_DIR, else $XDG_CACHE_HOME/glia, else ~/.cache/glia.

    Raises:
        faults.InputFault: the folder cannot be written.
    """
    named, shared = os.environ.get("NUMBA_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME")
    folder = pathlib.Path(named) if named else pathlib.Path(shared or "~/.cache") / "glia"
    try:
        folder = folder.expanduser() / "policies"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except RuntimeError:
        raise faults.InputFault("there is no home folder for the cache; set XDG_CACHE_HOME to a folder") from None
    except OSError as error:
        raise _unwritable(folder, error) from None
    return folder


def _unwritable(folder: pathlib.Path, error: OSError) -> faults.InputFault:
    return faults.InputFault(f"{folder}: {error.strerror}; set XDG_CACHE_HOME to a folder that can be written")


def _vector(policy: document.Policy) -> npt.NDArray[np.float64]:
    return np.array([parameter.value for parameter in policy.parameters.values()], dtype=np.float64)


@functools.cache
def _absent(name: str) -> tree.Function:
    """What stands in for a function that a policy does not define: it answers 0."""
    (program,) = (program for program, names in tree.PROGRAMS.items() if name in names)
    lines = [f"{phrases.signature(one)}: return 0" for one in tree.PROGRAMS[program]]
    by_name = {function.name: function for function in parse.parse(program, "\n".join(lines)).functions}
    return by_name[name]


@functools.cache
def _primitives() -> str:
    return pathlib.Path(primitives.__file__).read_text(encoding="utf-8") + str(numba.__version__)


@functools.lru_cache(maxsize=512)
def _load(source: str) -> Any:  # noqa: ANN401  # numba has no types
    """The `entry` of a generated module, whose file is named by the digest of all that it is compiled from."""
    digest = hashlib.sha256((_primitives() + source).encode()).hexdigest()[:32]
    name = f"glia_policy_{digest}"
    path = cache_folder() / f"{name}.py"
    _write(path, source)
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # numba looks the module up by its name when it loads from its cache
    loader.exec_module(module)
    return module.entry


def _write(path: pathlib.Path, source: str) -> None:
    """Put the module in place in one step; one that stands already keeps its time, on which numba's cache relies."""
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == source:
            return
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as stream:
            stream.write(source)
        pathlib.Path(stream.name).replace(path)
    except OSError as error:
        raise _unwritable(path.parent, error) from None

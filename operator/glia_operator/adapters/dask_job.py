"""What a Dask cluster's workers run: one call, unpacked from bytes, if both sides have the same version.

A call holds its policies as text, which the worker compiles or finds compiled in its cache, and its workloads by name
only: their arrays are large, and the same in every call of a study.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import io
import pathlib
import pickle
import platform
from typing import TYPE_CHECKING, Any

import glia_operator
import glia_sim
from glia_operator.adapters import jobs
from glia_sim.workload import trace

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS = ("numpy", "scipy", "numba", "llvmlite", "cma")
"""Libraries whose versions may change the last digits of a result."""


@functools.cache
def version() -> str:
    """What must be equal here and there for results to be the same bytes: the code, and what computes its numbers."""
    content = hashlib.sha256()
    for package in (glia_sim, glia_operator):
        root = pathlib.Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            content.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    words = [f"glia-operator {importlib.metadata.version('glia-operator')} ({content.hexdigest()[:12]})"]
    words += [f"Python {platform.python_version().rpartition('.')[0]}", platform.machine()]
    return ", ".join(words + [f"{name} {importlib.metadata.version(name)}" for name in NUMBERS])


class _Packer(pickle.Pickler):
    """Leaves workloads out, and notes them."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, protocol=pickle.HIGHEST_PROTOCOL)
        self.left_out: list[trace.Workload] = []

    def persistent_id(self, one: object) -> int | None:
        """Position of a workload among those left out; None for anything else."""
        if not isinstance(one, trace.Workload):
            return None
        for position, known in enumerate(self.left_out):
            if known is one:
                return position
        self.left_out.append(one)
        return len(self.left_out) - 1


class _Unpacker(pickle.Unpickler):
    """Puts workloads in again."""

    def __init__(self, content: bytes, workloads: tuple[trace.Workload, ...]) -> None:
        super().__init__(io.BytesIO(content))
        self._workloads = workloads

    def persistent_load(self, position: int) -> trace.Workload:
        """The workload at that position."""
        return self._workloads[position]


def pack(
    function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[bytes, list[trace.Workload]]:
    """The call as bytes, and the workloads that they name."""
    stream = io.BytesIO()
    packer = _Packer(stream)
    packer.dump((function, arguments, named))
    return stream.getvalue(), packer.left_out


def run(content: bytes, sent_by: str, /, *workloads: trace.Workload) -> Any:  # noqa: ANN401 - what the call returns
    """Make the call; raises jobs.OtherVersion where it was packed by another version."""
    if sent_by != version():
        raise jobs.OtherVersion(different(version(), sent_by))
    function, arguments, named = _Unpacker(content, workloads).load()
    return function(*arguments, **named)


def unpack(content: bytes) -> Any:  # noqa: ANN401 - whatever was pickled
    """A workload out of its bytes: a task of its own, so that a cluster that loses the result makes it again."""
    return pickle.loads(content)  # noqa: S301 - from the same study


def different(theirs: str, ours: str) -> str:
    """In words, how versions differ."""
    pairs = [
        f"{one} instead of {other}"
        for one, other in zip(theirs.split(", "), ours.split(", "), strict=False)
        if one != other
    ]
    return f"it runs {', '.join(pairs) or theirs}; run the scheduler and all workers from the image of this version"

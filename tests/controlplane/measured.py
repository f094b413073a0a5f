"""Runs a long command with its progress shown, and measures it together with all that it starts."""

from __future__ import annotations

import dataclasses
import pathlib
import resource
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from controlplane import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PAGE_BYTES = resource.getpagesize()
SAMPLE_S = 0.25


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a command took: wall and processor seconds, and the peak memory of its whole tree of processes."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def run(
    command: Sequence[str], *, folder: pathlib.Path, environment: Mapping[str, str], tick: Callable[[float, int], None]
) -> Cost:
    """Runs `command` in `folder` to its end; `tick` hears seconds and lines of output so far. A failure is a fault."""
    began, before = time.monotonic(), _children_cpu_s()
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=folder, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
        reader.start()
        peak = 0
        try:
            while process.poll() is None:
                peak = max(peak, tree_bytes(process.pid))
                tick(time.monotonic() - began, len(lines))
                time.sleep(SAMPLE_S)
        except BaseException:
            process.terminate()
            raise
        reader.join()
    if process.returncode:
        raise faults.ClusterFault(f"`... {' '.join(command[-3:])}` failed:\n{''.join(lines[-15:])}")
    return Cost(wall_s=time.monotonic() - began, cpu_s=_children_cpu_s() - before, peak_bytes=peak)


def tree_bytes(root: int) -> int:
    """Resident memory of `root` and all its descendants; pages shared between them count once for each."""
    parents, sizes = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents[int(entry.name)], sizes[int(entry.name)] = int(fields[1]), int(fields[21]) * PAGE_BYTES
    return sum(size for pid, size in sizes.items() if _descends(pid, root, parents))


def _descends(pid: int, root: int, parents: Mapping[int, int]) -> bool:
    while pid not in {root, 0}:
        pid = parents.get(pid, 0)
    return pid == root


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

"""Same arguments, same bytes: in another process, and whatever ran before."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys

import numpy as np
import pytest

from glia_sim import fleet_file
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers


def digest(policy):
    """SHA-256 of every array of a run."""
    run = runs.simulate(
        fleet_file.load("paper-a10x4-live"),
        readers.read("synthetic:paper?requests=400&rate=10&seed=2"),
        programs.compile(document.load(policy)),
        timeline_s=5.0,
    )
    content = hashlib.sha256()
    for value in dataclasses.asdict(run).values():
        parts = value.values() if isinstance(value, dict) else [value]
        for part in parts:
            content.update(np.asarray(part).tobytes())
    return content.hexdigest()


@pytest.mark.parametrize("policy", ["hra-spf-aged", "p2c"])
def test_another_process_gives_the_same_bytes(policy):
    before = digest(policy)
    digest("rr")
    command = [sys.executable, __file__, policy]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == before  # noqa: S603
    assert digest(policy) == before


if __name__ == "__main__":
    sys.stdout.write(digest(sys.argv[1]))

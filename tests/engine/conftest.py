"""Small fleets and workloads whose right answers can be worked out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from glia_sim import fleet_file, hardware
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import trace


@pytest.fixture
def single():
    """Makes a fleet of equal replicas whose steps take `base_ms`, whatever they compute."""

    def make(*, count=1, base_ms=100.0, **engine):
        template = fleet_file.load("paper-a10x4")
        group = template.groups[0]
        step = hardware.StepTime(floor_tokens=0.0, base_ms=base_ms, token_ms=0.0, kv_ms=0.0, attention_ms=0.0)
        settings = dataclasses.replace(group.engine, **{"watermark": 0.0, **engine})
        return dataclasses.replace(
            template, groups=(dataclasses.replace(group, count=count, engine=settings, step=step),)
        )

    return make


@pytest.fixture
def serve():
    """Runs a workload of (arrivals, prompts, outputs) under a policy of the catalogue or a document's text."""

    def go(fleet, arrivals, prompts, outputs, policy="llq"):
        workload = trace.plain(
            "test", np.asarray(arrivals, float), np.asarray(prompts, np.int64), np.asarray(outputs, np.int64)
        )
        found = document.load(policy) if "\n" not in policy else document.loads(policy, place="test")
        return runs.simulate(fleet, workload, programs.compile(found))

    return go

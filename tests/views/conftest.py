"""A look at every view at one moment of a small scene whose numbers can be worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from glia_sim import fleet, hardware
from glia_sim.engine import build, loop
from glia_sim.policy import compile as programs
from glia_sim.policy import document, fields
from glia_sim.workload import trace

PROBE = 7
"""Prompt tokens of the request that looks and is never served. Prompts of 16 tokens and more go to replica 1."""
TABLES = {"request": fields.REQUEST, "replica": fields.REPLICA, "fleet": fields.FLEET}
SUM = "".join(f"      seen += {owner}.{field.name}\n" for owner, table in TABLES.items() for field in table)
POLICY = (
    "name: look\nrationale: reads all there is\nparameters:\n"
    "  wish: {value: 1, low: 0, high: 9, unit: replicas, meaning: what the autoscaler wants}\n"
    f"router: |\n  def score(request, replica, fleet, p):\n      seen = 0\n{SUM}"
    f"      if request.prompt_tokens == {PROBE} and seen < 1e300:\n          return SKIP\n"
    "      target = 1 if request.prompt_tokens > 15 else 0\n"
    "      if replica.index == min(target, fleet.serving - 1):\n          return 1\n      return SKIP\n"
    "autoscaler: |\n  def replicas(fleet, p):\n      return p.wish\n"
)


@pytest.fixture(scope="session")
def program():
    return programs.compile(document.loads(POLICY, place="look"))


@pytest.fixture
def machines():
    """Two replicas whose steps take 125 ms, with 63 usable blocks of 4 tokens; a hold TTL too short to matter."""

    def make(*, views="perfect", pickers=1, streaming=1.0, scaler=None, count=2, **engine):
        settings = {"num_blocks": 64, "block_size": 4, "max_num_seqs": 8, "max_num_batched_tokens": 256, **engine}
        step = hardware.StepTime(floor_tokens=0, base_ms=125.0, token_ms=0, kv_ms=0, attention_ms=0)
        group = fleet.Group(
            gpu="H100", model="any", tensor_parallel=1, count=count, engine=fleet.Engine(**settings), step=step
        )
        return fleet.Fleet(
            name="scene",
            groups=(group,),
            router=fleet.Router(views=views, scrape_interval_s=0.25, pickers=pickers, hold_ttl_s=2.0**-20),
            clients=fleet.Clients(streaming_share=streaming),
            autoscaler=scaler,
        )

    return make


@pytest.fixture
def look(program):
    """The views of the probe's picker as it arrives at `at`, after requests of (arrival, prompt, output)."""

    def go(shape, requests, at, *, wish=1, shared=0, alone=False):
        rows = [*requests, (at, PROBE, 1)]
        arrivals, prompts, outputs = (np.array(column) for column in zip(*rows, strict=True))
        nothing = np.zeros(len(rows), np.int64)
        group, prefix = nothing + (0 if shared else -1), np.minimum(prompts, shared)
        if alone:  # nobody between the first request and the probe shares their prefix
            group[1:-1], prefix[1:-1] = -1, 0
        workload = trace.grouped("scene", arrivals, prompts, outputs, nothing, group, prefix)
        chosen = program.with_values({"wish": wish})
        if shape.autoscaler is None:
            chosen = dataclasses.replace(chosen, has_autoscaler=False)
        world, control = build.make_world(shape, workload, priority=False), build.make_control(shape, workload, chosen)
        loop.simulate(world, control, chosen.order, chosen.score, chosen.priority, chosen.replicas)
        assert np.isnan(world.req["dispatch"][-1])
        picker = int(world.req["picker"][-1])
        count = int(control.fleet[picker, fields.ROWS])
        return (
            dict(zip(fields.REQUEST_COLUMNS, control.request, strict=True)),
            [dict(zip(fields.REPLICA_COLUMNS, row, strict=True)) for row in control.views[picker, :count]],
            dict(zip(fields.FLEET_COLUMNS, control.fleet[picker], strict=False)),
        )

    return go

"""A held queue whose order is steady is kept in place; ranking it anew in every pass gives the same run."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from glia_sim import fleet_file
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import trace

DOCUMENT = """
name: steady
rationale: An order under test.
parameters:
  a: {{value: 7.5, low: -100, high: 100, unit: tokens per second, meaning: credit for waiting}}
router: |
  def order(request, fleet, p):
      return {order}

  def score(request, replica, fleet, p):
      if replica.in_flight >= {room}:
          return {full}
      return -replica.in_flight
"""
ORDERS = [
    "request.prompt_tokens - p.a * request.waited_s",
    "log(request.prompt_tokens) - 0.7 * request.waited_s / (10 * p.a)",
    "0 - request.waited_s * p.a",
    "p.a * request.waited_s + floor(request.prompt_tokens / 100) - request.u1 / 1000",
    "floor(request.prompt_tokens / 256) - request.waited_s / 1000000 + p.a * 0",
]


def crowded(seed):
    """400 requests in bursts, many of them alike in arrival and length, so that keys tie."""
    chance = np.random.default_rng(seed)
    arrivals = np.sort(np.round(chance.uniform(0, 20, 400), 1))
    return trace.plain("crowd", arrivals, chance.choice([64, 65, 300, 2000], 400), chance.integers(1, 60, 400))


@pytest.mark.parametrize("full", ["BLOCK", "SKIP"])
@pytest.mark.parametrize("order", ORDERS)
def test_keeping_the_queue_in_place_changes_nothing(order, full):
    program = programs.compile(document.loads(DOCUMENT.format(order=order, room=12, full=full), place="test"))
    assert program.order_is_steady
    fleet = fleet_file.load("paper-a10x4")
    fleet = dataclasses.replace(fleet, router=dataclasses.replace(fleet.router, hold_ttl_s=25.0))
    for seed in range(3):
        kept = runs.simulate(fleet, crowded(seed), program)
        ranked = runs.simulate(fleet, crowded(seed), dataclasses.replace(program, order_is_steady=False))
        assert (kept.dispatch_s - kept.arrival_s).max() > 1.0
        for name in ("dispatch_s", "finish_s", "replica", "status"):
            np.testing.assert_array_equal(getattr(kept, name), getattr(ranked, name), err_msg=f"{name}, seed {seed}")


def test_an_order_that_faults_is_ranked_anew():
    order = "request.prompt_tokens - request.waited_s / (p.a - 7.5)"
    program = programs.compile(document.loads(DOCUMENT.format(order=order, room=12, full="BLOCK"), place="test"))
    kept = runs.simulate(fleet_file.load("paper-a10x4"), crowded(1), program)
    ranked = runs.simulate(
        fleet_file.load("paper-a10x4"), crowded(1), dataclasses.replace(program, order_is_steady=False)
    )
    assert kept.policy_faults > 0
    np.testing.assert_array_equal(kept.finish_s, ranked.finish_s)

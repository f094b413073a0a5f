"""Six scenarios in which a fleet is short of different things, each a brief."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from glia_operator.research import brief as briefs
from glia_sim import fleet_file
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers, trace
from paper import point, tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_sim import fleet as fleets
    from paper import asking

EXPERIMENTS = 10
"""Of every strategy in every scenario."""
CONVERSATION = "conv_24qps_5000.csv"
MOONCAKE = "mooncake_conversation_trace.jsonl"
DATA = (point.TRACE, CONVERSATION, MOONCAKE)
SHORTER = 16
"""Replies of the short-output scenario are those of the conversation trace divided by this."""
FULL_SPEED = 1e-3
"""Time scale at which every request is there at once."""
EARLY, LATE = 0.1, 0.7
"""Between these shares of the finished requests every replica is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A question that strategies answer on equal budgets.

    Attributes:
        short_of: what there is too little of.
        load: arrival rate over what the fleet can serve under LLQ; None = the trace's own rate.
    """

    name: str
    short_of: str
    fleet: str
    requests: Callable[[asking.Asked], trace.Workload]
    load: float | None


def short_outputs(asked: asking.Asked) -> trace.Workload:
    """The conversation trace with replies a sixteenth as long."""
    whole = asked.recorded(CONVERSATION, limit=1500)
    return replace(whole, output_tokens=np.maximum(whole.output_tokens // SHORTER, 1))


SCENARIOS = (
    Scenario(name="KV-bound", short_of="KV memory", fleet=point.FLEET, requests=point.recorded, load=None),
    Scenario(
        name="prefill-bound",
        short_of="compute for long prompts",
        fleet="a100x4",
        requests=lambda _asked: readers.read("synthetic:prefill-heavy?seed=1&requests=1500"),
        load=0.95,
    ),
    Scenario(
        name="prefix-heavy",
        short_of="compute for prompts that are half in the prefix cache",
        fleet="a100x4",
        requests=lambda asked: asked.recorded(MOONCAKE, limit=1000),
        load=0.9,
    ),
    Scenario(name="short outputs", short_of="prefill slots", fleet="a100x4", requests=short_outputs, load=0.95),
    Scenario(
        name="2 H100 + 4 A10",
        short_of="equal replicas",
        fleet="mixed-h100x2-a10x4",
        requests=lambda asked: asked.recorded(CONVERSATION, limit=1500),
        load=0.9,
    ),
)


def brief(asked: asking.Asked, scenario: Scenario, *, strategy: str) -> briefs.Brief:
    """The scenario as a study's question: mean latency, everything tuned, against LLQ."""
    machines, workload = fleet_file.load(scenario.fleet), scenario.requests(asked)
    if scenario.load is not None:
        offered = workload.requests / workload.duration_s
        workload = workload.scaled(offered / (scenario.load * capacity_rps(machines, workload)))
    return briefs.Brief(
        fleet=machines,
        workload=workload,
        baseline=document.load("llq"),
        objective=point.MEAN,
        experiments=EXPERIMENTS,
        strategy=strategy,
    )


def capacity_rps(machines: fleets.Fleet, workload: trace.Workload) -> float:
    """Requests per second that a fleet finishes under LLQ while all its replicas are full, group by group."""
    llq = programs.compile(document.load("llq"))
    at_once = workload.scaled(FULL_SPEED)
    total = 0.0
    for group in machines.groups:
        run = runs.simulate(replace(machines, groups=(group,)), at_once, llq)
        early, late = np.nanquantile(run.finish_s, (EARLY, LATE)).tolist()
        total += (LATE - EARLY) * workload.requests / (late - early)
    return total


def load(asked: asking.Asked, scenario: Scenario) -> float:
    """Arrival rate over capacity, as the scenario is served."""
    one = brief(asked, scenario, strategy="glia")
    rate: float = one.workload.requests / one.workload.duration_s
    return rate / capacity_rps(one.fleet, one.workload)


def named(name: str) -> Scenario:
    """The scenario of that name.

    Raises:
        NotRun: there is none yet.
    """
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    raise tables.NotRun(f"scenario {name!r} is not defined.")

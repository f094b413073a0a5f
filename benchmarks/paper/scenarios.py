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
from paper import point, variable

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_sim import fleet as fleets
    from paper import asking

EXPERIMENTS = 8
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
        ask: the brief for a strategy of that name.
    """

    name: str
    short_of: str
    ask: Callable[[asking.Asked, str], briefs.Brief]


def short_outputs(asked: asking.Asked) -> trace.Workload:
    """The conversation trace with replies a sixteenth as long."""
    whole = asked.recorded(CONVERSATION, limit=1500)
    return replace(whole, output_tokens=np.maximum(whole.output_tokens // SHORTER, 1))


def serving(
    fleet: str, requests: Callable[[asking.Asked], trace.Workload], *, load: float | None = None
) -> Callable[[asking.Asked, str], briefs.Brief]:
    """Questions about mean latency on a fleet: everything tuned, against LLQ.

    Args:
        fleet: name of a built-in fleet.
        requests: the trace.
        load: arrival rate over what the fleet can serve under LLQ; None = the trace's own rate.
    """

    def ask(asked: asking.Asked, strategy: str) -> briefs.Brief:
        machines, workload = fleet_file.load(fleet), requests(asked)
        if load is not None:
            offered = workload.requests / workload.duration_s
            workload = workload.scaled(offered / (load * capacity_rps(machines, workload)))
        return briefs.Brief(
            fleet=machines,
            workload=workload,
            baseline=document.load("llq"),
            objective=point.MEAN,
            experiments=EXPERIMENTS,
            strategy=strategy,
        )

    return ask


def autoscaling(asked: asking.Asked, strategy: str) -> briefs.Brief:
    """GPU-hours at p95 slowdown < 5, where a replica takes two minutes to start."""
    return variable.startup_limited(asked, strategy=strategy, experiments=EXPERIMENTS)


SCENARIOS = (
    Scenario(name="KV-bound", short_of="KV memory", ask=serving(point.FLEET, point.recorded)),
    Scenario(
        name="prefill-bound",
        short_of="compute for long prompts, load 0.95",
        ask=serving("a100x4", lambda _asked: readers.read("synthetic:prefill-heavy?seed=1&requests=1500"), load=0.95),
    ),
    Scenario(
        name="prefix-heavy",
        short_of="compute for very long prompts, some in the prefix cache, load 0.9",
        ask=serving("a100x4", lambda asked: asked.recorded(MOONCAKE, limit=500), load=0.9),
    ),
    Scenario(
        name="short outputs",
        short_of="compute for prompts, load 0.95",
        ask=serving("a100x4", short_outputs, load=0.95),
    ),
    Scenario(
        name="2 H100 + 4 A10",
        short_of="equal replicas, load 0.9",
        ask=serving("mixed-h100x2-a10x4", lambda asked: asked.recorded(CONVERSATION, limit=1500), load=0.9),
    ),
    Scenario(name="start-up-limited autoscaling", short_of="replicas that start at once", ask=autoscaling),
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

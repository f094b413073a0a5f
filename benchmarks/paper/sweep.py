"""An exhaustive sweep: every structure that the parts allow for routing and batch scheduling, on a coarse grid."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_operator.research import design as designs
from glia_operator.research import parts
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from paper import capacity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent import futures

GRID = {
    "backlog": (8e3, 10e3, 12e3, 14e3, 20e3),
    "headroom": (0.04, 0.3),
    "growth": (4.0,),
    "ageing": (10.0, 100.0),
    "doubling_s": (10.0, 60.0),
    "alike": (1.0, 1000.0),
    "prefill_weight": (0.02, 0.5),
    "yielding": (100.0, 1000.0),
    "tilt": (100.0,),
    "turn": (5.0, 100.0),
    "mercy": (20.0,),
}
"""Values of each parameter; one that is not named here keeps its part's own."""
BETTER = 1.01
"""A point is followed up where it carries so much more than the best of its structure before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One policy of a sweep, and the requests a second that it carries."""

    rate: float
    policy: document.Policy


def structures() -> Iterator[designs.Design]:
    """Every composition of an order, admission, a gate, a balance, the prefill term and a batch scheduler.

    Refinements of admission, prefix affinity and speed are left out: the sweep is for equal replicas with memory to
    spare.
    """
    places = (parts.ORDERS, (False, True), ("", *parts.GATES), parts.BALANCES, ((), ("prefill",)))
    for order, admits, gate, balance, terms in itertools.product(*places):
        for scheduler in ("", *parts.SCHEDULERS):
            yield designs.Design(
                order=order, admits=admits, gate=gate, balance=balance, terms=terms, scheduler=scheduler
            )


def grid(names: Sequence[str], values: Mapping[str, Sequence[float]]) -> Iterator[dict[str, float]]:
    """Every combination of the values of those names that have some."""
    axes = [name for name in names if name in values]
    for point in itertools.product(*(values[name] for name in axes)):
        yield dict(zip(axes, point, strict=True))


def best(
    question: capacity.Question,
    policy: document.Policy,
    values: Mapping[str, Sequence[float]],
    seeds: Sequence[int],
    worth: float,
) -> tuple[Point | None, int]:
    """The point of a policy's grid that carries most, if any carries `worth`, and how many points there are.

    Each point is asked only whether it carries more than the best before it; where it does, how much.
    """
    program = programs.compile(policy)
    found, count = None, 0
    for point in grid(tuple(policy.parameters), values):
        count += 1
        asked = program.with_values({**{n: p.value for n, p in policy.parameters.items()}, **point})
        rate = capacity.highest(question, asked, seeds, low=worth if found is None else found.rate * BETTER)
        if rate > 0.0:
            found = Point(rate=rate, policy=document.with_values(policy, point))
    return found, count


def run(
    question: capacity.Question, seeds: Sequence[int], worth: float, executor: futures.Executor
) -> tuple[list[Point], int, int]:
    """The best point of every structure that carries `worth`, best first; how many structures and points there are."""
    found = [designs.compose(one, {}, name="composition") for one in structures()]
    jobs = [executor.submit(best, question, policy, GRID, seeds, worth) for policy in found]
    results = [job.result() for job in jobs]
    points = sorted((point for point, _ in results if point is not None), key=lambda point: -point.rate)
    return points, len(found), sum(count for _, count in results)

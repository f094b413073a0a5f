"""How much simulation a search can afford on a trace: which part of it is searched, with how many runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_sim.workload import resample

if TYPE_CHECKING:
    from glia_sim.workload import trace

COST = 24_000.0
"""What a search simulation should cost at most, in about microseconds."""
REQUEST_COST, BLOCK_COST, BLOCK_TOKENS = 3.0, 0.2, 16
"""KV blocks cost where a prefix cache keeps them."""
LEAST_REQUESTS = 1_000
CAREFULLY = 2.0
"""Where a constraint has to hold along a curve candidates are marked on so many times the arrivals: what a quantile
says of a few runs is mostly luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What search spends.

    Attributes:
        workload: what is searched on; exams are on the whole trace in any case.
        generations: share of a sweep's generations.
        seeds: share of the seeds that a candidate is marked on.
        careful: whether a constraint has to hold along a curve: every sweep then looks for the place where it binds.
    """

    workload: trace.Workload
    generations: float
    seeds: float
    careful: bool = False

    def of(self, seeds: int) -> int:
        """How many of so many seeds are used; at least one."""
        return max(1, round(seeds * self.seeds))


def affordable(workload: trace.Workload, *, constrained: bool = False) -> Effort:
    """As much of the trace as a search can afford.

    A trace of one rate is searched on its first part, and with fewer generations where even the shortest part is
    expensive. One whose rate follows a curve is searched whole, for no part of it has its peaks and lulls, and on fewer
    seeds: each mark is over as many requests. `constrained` is whether the question has constraints.
    """
    each = REQUEST_COST
    if workload.has_prefixes:
        each += BLOCK_COST * float(workload.prompt_tokens.mean()) / BLOCK_TOKENS
    if resample.follows_curve(workload):
        share = COST / (each * workload.requests)
        if constrained:
            return Effort(workload=workload, generations=1.0, seeds=min(1.0, CAREFULLY * share), careful=True)
        return Effort(workload=workload, generations=1.0, seeds=min(1.0, share))
    rows = min(workload.requests, max(LEAST_REQUESTS, int(COST / each)))
    part = workload.limited(float(workload.arrival_s[0]), rows)
    return Effort(workload=part, generations=min(1.0, COST / (each * rows)), seeds=1.0)

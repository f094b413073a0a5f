"""A scaler that knows the future: on one trace, the cheapest schedule of replicas found that keeps a constraint.

It knows every arrival and every reply's length, and what the twin will make of any schedule, for it tries hundreds of
changes on the very trace it is marked on. It has the fleet's own start-up delay, bounds and draining, and the given
router. That its schedule is the cheapest is not proven; a longer descent may find a cheaper one.

1. The requests in service at each moment, were each served as if alone, give a load curve. Replicas in proportion to
   the highest load from now until a start-up later, at the leanest proportion that keeps the constraint.
2. Coordinate descent on that schedule, minute by minute and in stretches: one replica more or less where it lowers
   GPU seconds + price x requests over the limit. The price moves towards the constraint; the cheapest schedule that
   kept it is the answer (Lagrangian relaxation).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numba
import numpy as np

from glia_sim import faults, score
from glia_sim.engine import absent
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs

if TYPE_CHECKING:
    import numpy.typing as npt

    from glia_sim import fleet as fleets
    from glia_sim import goal
    from glia_sim.policy import document
    from glia_sim.workload import trace

    Floats = npt.NDArray[np.float64]
    Schedule = npt.NDArray[np.int64]

SLOT_S = 60.0
"""A schedule has one number for each so many seconds."""
STRETCHES = (6, 3, 1)
"""Slots that one change covers, widest first."""
PRICE, CHEAPER, DEARER, PASSES = 0.5, 0.6, 1.7, 2
"""GPU seconds that one request over the limit is worth at first; cheaper after a pass that keeps the constraint, dearer
after one that does not."""
OVER_ALLOWED = 0.05
"""Share of requests over the limit that a p95 allows."""


@numba.cfunc(absent.EVALUATE, cache=True)
def _follow(request, replicas, n, fleet, values, fault):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG001
    """The schedule's next number. `values` ends with the schedule, its length and the count of calls so far."""
    calls, length = int(values[-1]), int(values[-2])
    values[-1] += 1.0
    return values[values.shape[0] - 2 - length + min(calls, length - 1)]


def scheduled(policy: document.Policy, decisions: Floats) -> programs.Program:
    """The policy's router and scheduler under an autoscaler that answers `decisions`, one by one, the last for ever.

    A program may be used for one run only: it counts its calls.
    """
    compiled = programs.compile(policy)
    values = np.concatenate((compiled.values, decisions, [float(len(decisions)), 0.0]))
    return replace(compiled, values=values, replicas=_follow, has_autoscaler=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a schedule costs on its trace: the record of its run, and replicas wanted per slot of `SLOT_S`."""

    schedule: tuple[int, ...]
    record: score.Record
    simulations: int


@dataclass(slots=True, kw_only=True)
class _Descent:
    machines: fleets.Fleet
    workload: trace.Workload
    policy: document.Policy
    constraint: goal.Constraint
    simulations: int = 0
    best: Found | None = None

    def decisions(self, schedule: Schedule) -> Floats:
        """What the schedule answers at each decision of the fleet's autoscaler."""
        scaler = _scaler(self.machines)
        ticks = int(len(schedule) * SLOT_S / scaler.interval_s)
        at_s = scaler.interval_s * np.arange(1, ticks + 1)
        answers: npt.NDArray[np.float64] = schedule[np.minimum((at_s / SLOT_S).astype(np.int64), len(schedule) - 1)]
        return answers.astype(np.float64, copy=False)

    def tried(self, schedule: Schedule, price: float) -> tuple[float, float]:
        """GPU seconds + price x requests over the limit, and the share of those; remembers the cheapest that holds."""
        self.simulations += 1
        run = runs.simulate(self.machines, self.workload, scheduled(self.policy, self.decisions(schedule)))
        record = score.record(run)
        measured = record.charged[self.constraint.measure]
        over = int(np.count_nonzero(measured >= self.constraint.limit))
        if self.constraint.holds(score.pool([record])) and (
            self.best is None or record.gpu_hours < self.best.record.gpu_hours
        ):
            self.best = Found(schedule=tuple(schedule.tolist()), record=record, simulations=self.simulations)
        return record.gpu_hours * 3600.0 + price * over, over / len(measured)

    def descend(self, schedule: Schedule, price: float, chance: np.random.Generator) -> tuple[Schedule, float]:
        """Every change of one replica up or down over every stretch, once, in random order; kept where it pays."""
        scaler = _scaler(self.machines)
        cost, over = self.tried(schedule, price)
        for wide in STRETCHES:
            for first in chance.permutation(np.arange(0, len(schedule), wide)):
                for step in (-1, 1):
                    changed = schedule.copy()
                    changed[first : first + wide] += step
                    changed = np.clip(changed, scaler.min_replicas, scaler.max_replicas)
                    if np.array_equal(changed, schedule):
                        continue
                    found, share = self.tried(changed, price)
                    if found < cost:
                        schedule, cost, over = changed, found, share
                        break
        return schedule, over


def _scaler(machines: fleets.Fleet) -> fleets.Autoscaler:
    if machines.autoscaler is None:
        raise faults.InputFault(f"fleet {machines.name} has no autoscaler; a schedule needs its bounds and delays")
    return machines.autoscaler


def load(machines: fleets.Fleet, workload: trace.Workload) -> Floats:
    """Highest number of requests in service in each slot, were each served as if alone."""
    begin_s = workload.arrival_s - workload.arrival_s[0]
    end_s = begin_s + runs.ideal_s(machines, workload)
    slots = int(np.ceil(end_s.max() / SLOT_S)) + 1
    moments = np.arange(0.0, slots * SLOT_S, 1.0)
    present = np.searchsorted(begin_s, moments, "right") - np.searchsorted(np.sort(end_s), moments, "right")
    most: npt.NDArray[np.float64] = present.reshape(slots, -1).max(axis=1).astype(np.float64)
    return most


def _lean(descent: _Descent) -> Schedule:
    """The leanest schedule in proportion to the load ahead that keeps the constraint, by bisection."""
    scaler = _scaler(descent.machines)
    curve = load(descent.machines, descent.workload)
    ahead = int(np.ceil(scaler.startup_s / SLOT_S)) + 1
    highest = np.array([curve[k : k + ahead].max() for k in range(len(curve))])

    def schedule(each: float) -> Schedule:
        return np.clip(np.ceil(highest / each), scaler.min_replicas, scaler.max_replicas).astype(np.int64)

    low, high = highest.max() / scaler.max_replicas, highest.max()
    for _ in range(10):
        middle = (low * high) ** 0.5
        _, over = descent.tried(schedule(middle), 0.0)
        low, high = (middle, high) if over < OVER_ALLOWED else (low, middle)
    return schedule(low)


def best(
    machines: fleets.Fleet, workload: trace.Workload, policy: document.Policy, constraint: goal.Constraint, seed: int
) -> Found:
    """The cheapest schedule found for this very trace that keeps the constraint.

    Args:
        machines: with an autoscaler section.
        workload: known in full.
        policy: its router and scheduler serve; its autoscaler, if any, does not speak.
        constraint: on a p95.
        seed: of the order in which changes are tried.

    Raises:
        InputFault: no schedule within the fleet's bounds keeps the constraint.
    """
    descent = _Descent(machines=machines, workload=workload, policy=policy, constraint=constraint)
    chance = np.random.Generator(np.random.PCG64DXSM(seed))
    schedule = _lean(descent)
    price = PRICE
    for _ in range(PASSES):
        schedule, over = descent.descend(schedule, price, chance)
        price *= CHEAPER if over < OVER_ALLOWED else DEARER
    if descent.best is None:
        raise faults.InputFault(f"{workload.name} on {machines.name}: no schedule keeps '{constraint}'")
    return replace(descent.best, simulations=descent.simulations)

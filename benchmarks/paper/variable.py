"""The variable load: an hour with the Azure trace's rate curve and the paper's requests, on A10s that scale."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from glia_operator.research import brief as briefs
from glia_sim import exam, faults, fleet_file, goal, score, seeds, trial
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers, resample, trace
from paper import point

if TYPE_CHECKING:
    from glia_sim import fleet as fleets
    from paper import asking

CURVE = "AzureLLMInferenceTrace_conv.csv"
DATA = (CURVE, point.TRACE)
FLEET = "a10-scaling"
TIMES = 2
"""Traffic as a multiple of the recorded hour's, so that a replica more or less is a tenth of the fleet."""
SIZING_SEEDS = 6
HELDOUT_SEEDS = 8
GPU_HOURS = goal.objective("gpu-hours")
SLOWDOWN = goal.constraint("p95 slowdown < 5")
SYNTHETIC = "synthetic:variable-hour?requests=19350&rate=5.375&seed=1"
SLOW_START_S = 120.0


def hour(asked: asking.Asked) -> trace.Workload:
    """The recorded arrivals of `TIMES` such hours at once, each with a request of the paper's trace drawn by chance."""
    curve, requests = asked.recorded(CURVE), asked.recorded(point.TRACE)
    draws = [resample.in_place(curve, seed).arrival_s for seed in range(1, TIMES + 1)]
    arrival_s = np.sort(np.concatenate(draws))
    rows = np.random.Generator(np.random.PCG64DXSM(0)).integers(0, requests.requests, len(arrival_s))
    return replace(trace.take(requests, rows, arrival_s=arrival_s), name="the variable hour")


def starting(count: int, *, startup_s: float | None = None) -> fleets.Fleet:
    """The scaling fleet with so many replicas at the start, and all the time where no program scales it."""
    machines = fleet_file.load(FLEET)
    scaler = machines.autoscaler
    if scaler is None:
        raise faults.InputFault(f"fleet {FLEET} has no autoscaler section; this table scales it")
    delay_s = scaler.startup_s if startup_s is None else startup_s
    return replace(machines, autoscaler=replace(scaler, initial=count, startup_s=delay_s))


def fewest(asked: asking.Asked, workload: trace.Workload, policy: document.Policy) -> int:
    """The smallest static fleet that keeps p95 slowdown < 5 under the policy, on validation seeds, by bisection."""
    low, high = 2, 16
    while low < high:
        middle = (low + high) // 2
        card = pooled(asked, starting(middle), workload, (policy,), seeds.stream("validation", SIZING_SEEDS))[0].pooled
        low, high = (low, middle) if SLOWDOWN.holds(card) else (middle + 1, high)
    return low


def pooled(
    asked: asking.Asked,
    machines: fleets.Fleet,
    workload: trace.Workload,
    policies: tuple[document.Policy, ...],
    drawn: tuple[int, ...],
) -> list[point.Marks]:
    """Every policy on the same arrivals, in order."""
    compiled = tuple(programs.compile(policy) for policy in policies)
    one = trial.Trial(machines=machines, workload=workload, programs=compiled, seed=0)
    records = exam.run([replace(one, seed=seed) for seed in drawn], executor=asked.executor)
    return [
        point.Marks(
            cards=tuple(score.pool([seed[k]]) for seed in records), pooled=score.pool([seed[k] for seed in records])
        )
        for k in range(len(policies))
    ]


def hours(marks: point.Marks) -> float:
    """GPU-hours of one hour of load, mean over seeds."""
    return marks.pooled.gpu_hours / len(marks.cards)


def heldout() -> tuple[int, ...]:
    """Seeds that no search, sizing or exam of these studies has seen: those of another root."""
    return seeds.stream("heldout", HELDOUT_SEEDS, root=4)


def startup_limited(asked: asking.Asked, *, strategy: str, experiments: int) -> briefs.Brief:
    """The scenario of start-up-limited autoscaling: GPU-hours at p95 slowdown < 5 where a replica takes two minutes."""
    workload = readers.read(SYNTHETIC)
    llq = document.load("llq")
    return briefs.Brief(
        fleet=starting(fewest(asked, workload, llq), startup_s=SLOW_START_S),
        workload=workload,
        baseline=llq,
        objective=GPU_HOURS,
        constraints=(SLOWDOWN,),
        experiments=experiments,
        strategy=strategy,
    )

"""One simulation: a fleet, a workload and a policy in, a record of every request out."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from glia_sim import faults
from glia_sim.engine import absent, build, layout, loop, world

if TYPE_CHECKING:
    import numpy.typing as npt

    from glia_sim import fleet as fleets
    from glia_sim.engine import control
    from glia_sim.policy import compile as programs
    from glia_sim.workload import trace

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

ITL_EDGES_S = layout.ITL_EDGES_S
FINISHED, HOLD_TIMEOUT, CLIENT_TIMEOUT, UNFINISHED = (
    layout.FINISHED,
    layout.HOLD_TIMEOUT,
    layout.CLIENT_TIMEOUT,
    layout.UNFINISHED,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timeline:
    """State of the fleet every so many seconds; k rows, R replicas."""

    time_s: Floats  # [k]
    held: Floats  # [k] requests held at the routers
    serving: Floats  # [k] replicas
    kv_used: Floats  # [k, R] share of the KV blocks, 0..1
    running: Floats  # [k, R] requests
    waiting: Floats  # [k, R] requests


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """What happened to each of n requests, and to the fleet.

    Times are seconds on the workload's clock, NaN where it never came to that. `status` is FINISHED, HOLD_TIMEOUT,
    CLIENT_TIMEOUT or UNFINISHED. `itl_histogram[k]` counts gaps between tokens from `ITL_EDGES_S[k]` to
    `ITL_EDGES_S[k + 1]`. `ideal_s` is the end-to-end time alone on the fleet's fastest replica.
    """

    arrival_s: Floats
    dispatch_s: Floats
    first_exec_s: Floats
    first_token_s: Floats
    finish_s: Floats
    prompt_tokens: Ints
    output_tokens: Ints
    preemptions: Ints
    replica: Ints
    picker: Ints
    status: Ints
    cached_tokens: Ints
    ideal_s: Floats
    itl_histogram: Floats
    makespan_s: float
    gpu_hours: float
    iterations: int
    policy_faults: int
    kv_used_mean: float  # share of the KV blocks in use, weighted by step time
    busy_share: float  # share of the serving time in which a step was running
    prefill_recomputed_tokens: int
    timeline: Timeline | None


@functools.lru_cache(maxsize=1)
def ideal_s(fleet: fleets.Fleet, workload: trace.Workload) -> Floats:
    """End-to-end seconds of each request alone on an idle replica of the fastest group, from the step-time formula.

    Read-only: the programs of a trial serve the same workload, and share it.
    """
    prompt = workload.prompt_tokens.astype(np.float64)
    decodes = workload.output_tokens - 1.0
    best = np.full(workload.requests, np.inf)
    for group in fleet.groups:
        step, chunk = group.step, group.engine.max_num_batched_tokens
        whole = np.floor(prompt / chunk)
        rest = prompt - whole * chunk
        steps = whole + (rest > 0) + decodes
        tokens = whole * max(chunk - step.floor_tokens, 0.0) + np.maximum(rest - step.floor_tokens, 0.0)
        context = decodes * prompt + decodes * (decodes + 1.0) / 2.0
        total = steps * step.base_ms + step.token_ms * tokens + step.kv_ms * context
        total += step.attention_ms * prompt * prompt / 2.0 + decodes * step.batch_ms
        total += step.token_ms * decodes * max(1.0 - step.floor_tokens, 0.0)
        best = np.minimum(best, total / 1000.0)
    best.flags.writeable = False
    return best


def _timeline(c: control.Control, replicas: int) -> Timeline | None:
    if c.timeline.shape[0] == 0:
        return None
    rows = c.timeline[: int(c.clock["timeline_rows"][0])]
    kv, running, waiting = (rows[:, 2 + k * replicas : 2 + (k + 1) * replicas].copy() for k in range(3))
    return Timeline(
        time_s=rows[:, 0].copy(),
        held=rows[:, 1].copy(),
        serving=rows[:, 2 + 3 * replicas].copy(),
        kv_used=kv,
        running=running,
        waiting=waiting,
    )


def _gpu_seconds(w: world.World, end: float) -> Floats:
    alive = w.rep["state"] != layout.ABSENT
    lived: Floats = w.rep["gpu_s"] + np.where(alive, (end - w.rep["born_t"]) * w.rep["gpus"], 0.0)
    return lived


def _result(w: world.World, c: control.Control, ideal: Floats, end: float) -> Run:
    req, rep = w.req, w.rep
    gpu_s = _gpu_seconds(w, end)
    capacity = float((rep["busy_s"] * rep["usable"]).sum())
    lived = float((gpu_s / rep["gpus"]).sum())
    return Run(
        arrival_s=req["arrival"].copy(),
        dispatch_s=req["dispatch"].copy(),
        first_exec_s=req["first_exec"].copy(),
        first_token_s=req["first_token"].copy(),
        finish_s=req["finish"].copy(),
        prompt_tokens=req["prompt"].astype(np.int64),
        output_tokens=req["output"].astype(np.int64),
        preemptions=req["preemptions"].astype(np.int64),
        replica=req["replica"].astype(np.int64),
        picker=req["picker"].astype(np.int64),
        status=req["status"].astype(np.int64),
        cached_tokens=req["cached"].astype(np.int64),
        ideal_s=ideal,
        itl_histogram=w.itl,
        makespan_s=end - float(req["arrival"][0]),
        gpu_hours=float(gpu_s.sum()) / 3600.0,
        iterations=int(rep["iterations"].sum()),
        policy_faults=int(w.tally[world.FAULTS]),
        kv_used_mean=float(rep["block_seconds"].sum()) / capacity if capacity > 0.0 else 0.0,
        busy_share=float(rep["busy_s"].sum()) / lived if lived > 0.0 else 0.0,
        prefill_recomputed_tokens=int(req["recomputed"].sum()),
        timeline=_timeline(c, len(rep)),
    )


def simulate(
    fleet: fleets.Fleet,
    workload: trace.Workload,
    program: programs.Program,
    *,
    timeline_s: float | None = None,
) -> Run:
    """Run the workload through the fleet under a policy; the same arguments give the same bytes.

    Args:
        fleet: checked against the workload (`fleet.check`).
        workload: n requests in order of arrival.
        program: the compiled policy.
        timeline_s: interval of the timeline; None for none.

    Raises:
        InputFault: a request does not fit into the replica it was sent to.
    """
    w = build.make_world(fleet, workload, priority=program.has_scheduler)
    c = build.make_control(fleet, workload, program, timeline_s=timeline_s)
    order = program.order if program.has_order else absent.evaluate
    score = program.score if program.has_score else absent.score
    priority = program.priority if program.has_scheduler else absent.evaluate
    replicas = program.replicas if program.has_autoscaler else absent.evaluate
    end = loop.simulate(w, c, order, score, priority, replicas)
    if w.tally[world.STUCK]:
        _refuse(w, int(w.tally[world.STUCK]) - 1)
    return _result(w, c, ideal_s(fleet, workload), end)


def _refuse(w: world.World, r: int) -> None:
    """Name the request at the head of a replica's queue that can never be admitted."""
    q = int(w.rep["head"][r])
    size, usable = int(w.rep["block_size"][r]), int(w.rep["usable"][r])
    tokens = int(w.req["prompt"][q]) + int(w.req["delivered"][q])
    raise faults.InputFault(
        f"request {q} of the workload needs {-(-tokens // size)} KV blocks at once but replica {r} has {usable}; "
        "give the fleet more KV blocks or take the request out"
    )

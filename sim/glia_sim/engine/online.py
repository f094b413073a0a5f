"""Kernels that step one replica from outside: requests and aborts come in at any moment, tokens go out as time passes.

They call what `loop` calls, in the same total order, but never a stretch: whoever streams tokens wants every one of
them. Records of requests are used again, so nothing may link to an ended one (`waiting.rebuild`).
"""

from __future__ import annotations

import math

import numpy as np

from glia_sim.engine import blocks, events, layout, outputs, running, step, waiting
from glia_sim.engine.compiled import entry, kernel
from glia_sim.engine.world import Ints, Records, World

RUNNING, WAITING = layout.RUNNING, layout.WAITING
OUTPUT, SCHEDULE = events.OUTPUT, events.SCHEDULE

PACE = np.dtype(
    [
        ("due", "f8"),  # when the replica's next event is; infinity where it has none
        ("kind", "i8"),  # OUTPUT or SCHEDULE
        ("sampled", "i8"),  # tokens that the last step delivered
        ("spread", "f8"),  # standard deviation of the logarithm of a step's factor
        ("stall_every_s", "f8"),  # mean time between stalls, 0: none
        ("stall_s", "f8"),
        ("seed", "u8"),
    ],
    align=True,
)
"""Where a replica stands in time, and how its steps deviate from the formula."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_S11 = np.uint64(11)
_TO_UNIT = 1.0 / 9007199254740992.0


@kernel
def _uniform(seed: np.uint64, index: int) -> float:
    """A number in (0, 1) from a hash."""
    return float(((blocks.mix(seed + np.uint64(index) * _GOLDEN) >> _S11) + 0.5) * _TO_UNIT)


@kernel
def _excess(w: World, pace: Records) -> float:
    """Seconds by which the last step launched differs from the formula: a log-normal factor of mean 1, and stalls."""
    rep, now = w.rep[0], pace[0]
    excess = 0.0
    first = 3 * rep.iterations
    if now.spread > 0.0:
        radius = math.sqrt(-2.0 * math.log(_uniform(now.seed, first)))
        normal = radius * math.cos(2.0 * math.pi * _uniform(now.seed, first + 1))
        excess = rep.step_s * (math.exp(now.spread * normal - 0.5 * now.spread * now.spread) - 1.0)
    if now.stall_every_s > 0.0 and _uniform(now.seed, first + 2) * now.stall_every_s < rep.step_s:
        excess += now.stall_s
    return excess


@kernel
def _lengthen(w: World, pace: Records) -> None:
    rep = w.rep[0]
    excess = _excess(w, pace)
    if rep.steps == 1:
        rep.end0 += excess
    else:
        rep.end1 += excess
    rep.last_end += excess
    rep.step_s += excess
    rep.busy_s += excess


@kernel
def _launch(w: World, pace: Records, t: float) -> None:
    """Put steps in flight at time t, as many as the replica keeps."""
    rep = w.rep[0]
    if rep.aborts > 0:
        outputs.drop_aborted(w, 0)
    if rep.running + rep.waiting > 0:
        while True:
            tokens = step.schedule(w, 0, t)
            _lengthen(w, pace)
            if rep.steps >= rep.depth or (tokens == 0 and rep.running + rep.waiting == 0):
                break
    pace[0].kind = OUTPUT
    pace[0].due = rep.end0 if rep.steps > 0 else math.inf


@kernel
def _output(w: World, pace: Records, sampled: Ints, scratch: Ints) -> None:
    """Deliver the step that is due, and note who got a token."""
    rep, now = w.rep[0], pace[0]
    count = preempted = 0
    for k in range(rep.count0):
        q = w.steps[0, rep.slot, k]
        if w.req[q].state in (RUNNING, WAITING):
            preempted += w.req[q].state == WAITING
            sampled[count] = q
            count += 1
    outputs.update(w, 0, now.due)
    if preempted > 0:
        waiting.rebuild(w, 0, scratch)
    now.sampled = count
    now.kind = SCHEDULE


@entry
def advance(w: World, pace: Records, sampled: Ints, scratch: Ints, t: float, arriving: bool) -> bool:
    """Run to time t, or to the first step that ends before; returns whether one ended.

    `arriving` leaves at t itself what comes after arrivals: building the next step.
    """
    now = pace[0]
    while now.due < t or (now.due == t and (now.kind == OUTPUT or not arriving)):
        if now.kind == OUTPUT:
            _output(w, pace, sampled, scratch)
            return True
        _launch(w, pace, now.due)
    return False


@entry
def submit(w: World, pace: Records, q: int, t: float) -> None:
    """Request q, whose record is filled, reaches the replica at time t."""
    rep, account = w.rep[0], w.account[0, 0]
    if rep.looked_q == q:
        rep.looked_q = layout.NOWHERE
    account.in_flight += 1
    account.waiting_tokens += w.req[q].prompt
    running.enqueue(w, 0, q, False)
    if pace[0].due == math.inf:
        pace[0].due = t
        pace[0].kind = SCHEDULE


@entry
def abort(w: World, scratch: Ints, q: int, t: float) -> None:
    """The client of request q, which waits or runs, goes away at time t."""
    queued = w.req[q].state == WAITING
    outputs.abort(w, 0, q, t)
    if queued:
        waiting.rebuild(w, 0, scratch)


@entry
def empty(w: World) -> None:
    """Begin with an empty prefix cache."""
    blocks.reset(w, 0)

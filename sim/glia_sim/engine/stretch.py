"""Stretches of pure decoding, advanced in one go.

While every running request decodes, nothing is admitted, preempted or finished, and each step differs from the one
before only in its context length. Such steps are planned as one event, cost no work per request, and are committed
lazily: up to the plan's end, or up to the moment something reaches the replica. Step by step they are the very steps
that `step.schedule` would build. With asynchronous scheduling a stretch of one step is also begun while the first or
last token of a request is in flight.
"""

from __future__ import annotations

import math

import numpy as np

from glia_sim.engine import blocks, layout, outputs, step, waiting
from glia_sim.engine.compiled import kernel
from glia_sim.engine.world import World

NOWHERE = layout.NOWHERE


@kernel
def _decoding(w: World, r: int, t: float) -> int:
    """Steps until some running request's last token is scheduled; 0 unless all of them decode in lockstep.

    Counts those that go on, by their phase within a block, and sums their context tokens, on the way. With asynchronous
    scheduling it is one step where somebody's first token is in flight, or somebody's last, who is left out.
    """
    rep = w.rep[r]
    in_flight, mask = rep.depth - 1, rep.block_size - 1
    batch, phases = w.running[r], w.phases[r]
    phases[:] = 0
    fewest = 1 << 40
    kv = left_out = 0
    for i in range(rep.running - 1, -1, -1):  # who came last is who may not decode yet
        req = w.req[np.uintp(batch[i])]
        computed = req.computed
        known = req.prompt + req.delivered + in_flight
        if req.in_flight != in_flight or computed + 1 != known:
            return 0
        if req.last_token != t:
            if in_flight == 0 or req.delivered > 0:
                return 0
            fewest = 1
        left = req.prompt + req.output - 1 - computed
        if left == 0:
            left_out += 1
            continue
        fewest = min(fewest, left)
        phases[np.uintp(computed & mask)] += 1
        kv += computed
    rep.cursor_kv = kv
    rep.batch = rep.running - left_out
    return _until(rep.batch, left_out, fewest)


@kernel
def _until(batch: int, left_out: int, fewest: int) -> int:
    """Steps that `batch` requests may take together where `left_out` others have their last token in flight."""
    if batch == 0:
        return 0
    return 1 if left_out > 0 else fewest


@kernel
def _blocked(w: World, r: int) -> bool:
    """Whether the waiting queue cannot move until somebody finishes, is preempted, or arrives."""
    rep = w.rep[r]
    q = waiting.peek(w, r)
    if q == NOWHERE or rep.running >= rep.max_active:
        return True
    req = w.req[q]
    known = req.prompt + req.delivered
    cap = rep.long_prefill if rep.long_prefill > 0 else known
    first = min(known, cap, rep.max_batched - rep.running)
    tokens = min(known, rep.max_len) if rep.reserve_full else first
    return bool(blocks.whole(w, r, tokens) + rep.watermark > rep.free)


@kernel
def _planned(w: World, r: int, most: int, kv: float) -> tuple[int, float]:
    """Steps until blocks run out, at most `most`, and when the step after the last of them is due."""
    rep = w.rep[r]
    size, batch = rep.block_size, rep.batch
    free, end = rep.free, max(rep.next_t, rep.last_end)
    due = rep.next_t
    phase = 0
    for i in range(most):
        need = w.phases[r, phase]
        if need > free:
            return i, due
        free -= need
        phase = phase - 1 if phase > 0 else size - 1
        kv += batch
        before = end
        end = before + step.step_time(w, r, batch, kv, 0.0, 0.0, batch)
        due = end if rep.depth == 1 else before
    return most, due


@kernel
def begin(w: World, r: int, t: float) -> float:
    """Start a stretch at time t if replica r is in one; returns when it ends, or -1."""
    rep = w.rep[r]
    landed = rep.landed
    rep.landed = 0
    if rep.caching or rep.running == 0 or rep.running >= rep.max_batched or rep.steps != rep.depth - 1:
        return -1.0
    if rep.depth == 2 and rep.count0 != rep.running:
        return -1.0
    if not _blocked(w, r):
        return -1.0
    most = landed if landed > 0 else _decoding(w, r, t)
    rep.next_t = t
    planned, due = _planned(w, r, most, rep.cursor_kv)
    if planned == 0:
        return -1.0
    rep.stretch = planned
    rep.cursor = 0
    _commit(w, r, math.inf, 1)
    return due


@kernel
def _commit(w: World, r: int, t: float, last: int) -> None:
    """Schedule the steps of the stretch that are due before time t, at most the `last`-th.

    Each delivers the one whose end makes it due. Everything that changes from step to step is kept out of memory.
    """
    rep, phases = w.rep[r], w.phases[r]
    batch, mask, asynchronous = rep.batch, rep.block_size - 1, rep.depth == 2
    cursor, cursor_t, next_t, end, kv = rep.cursor, rep.cursor_t, rep.next_t, rep.last_end, rep.cursor_kv
    free, duration, busy, block_seconds = rep.free, rep.step_s, rep.busy_s, rep.block_seconds
    first = cursor
    while cursor < last and next_t < t:
        if cursor > 0:
            outputs.count_gap(w, r, next_t - cursor_t, batch)
        free -= phases[-cursor & mask]
        kv += batch
        before = max(next_t, end)
        duration = step.step_time(w, r, batch, kv, 0.0, 0.0, batch)
        end = before + duration
        busy += duration
        block_seconds += duration * (rep.usable - free)
        cursor += 1
        cursor_t = next_t
        next_t = before if asynchronous else end
        if w.log.shape[0] > 0:
            rep.free = free
            step.log_step(w, r, cursor_t, duration, batch, 0, batch, kv, 0, 0, 0)
    rep.cursor, rep.cursor_t, rep.next_t, rep.last_end, rep.cursor_kv = cursor, cursor_t, next_t, end, kv
    rep.free, rep.step_s, rep.busy_s, rep.block_seconds = free, duration, busy, block_seconds
    rep.end0, rep.end1 = next_t, end
    rep.iterations += cursor - first


@kernel
def advance(w: World, r: int, t: float) -> None:
    """Bring a stretch to the last step that starts before time t; leaves other replicas alone."""
    rep = w.rep[r]
    if rep.cursor < rep.stretch and rep.next_t < t:
        _commit(w, r, t, rep.stretch)


@kernel
def cut(w: World, r: int, t: float) -> float:
    """Let the stretch end with the step that is in flight at time t; returns when it is to land."""
    advance(w, r, t)
    rep = w.rep[r]
    rep.stretch = rep.cursor
    return float(rep.end0)


@kernel
def land(w: World, r: int, t: float) -> int:
    """Leave the stretch at time t, which delivers a step; returns how many requests finished.

    The same as `end` and `outputs.update`, in one look at each request, which also counts for the next `begin`.
    """
    advance(w, r, t)
    rep = w.rep[r]
    steps, last, mask, shift = rep.cursor, rep.depth - 1, rep.block_size - 1, rep.shift
    batch, sampling, phases = w.running[r], w.steps[r, 1 - rep.slot], w.phases[r]
    phases[:] = 0
    fewest, kv, left_out, kept, first = 1 << 40, 0, 0, 0, 0
    for i in range(rep.running):
        q = batch[i]
        req = w.req[np.uintp(q)]
        if req.delivered == 0:
            first += 1
            outputs.first_token(w, r, q, t)
        computed = min(req.computed + steps, req.prompt + req.output - 1)
        delivered = req.delivered + steps
        held = (computed + mask) >> shift
        req.computed = computed
        req.delivered = delivered
        req.last_token = t
        left = req.output - delivered
        if left == 0:
            req.held = 0
            rep.free += held
            outputs.finish(w, r, q, t)
            continue
        req.held = held
        if last:
            sampling[kept] = q
        batch[kept] = q
        kept += 1
        if left == last:
            left_out += 1
            continue
        fewest = min(fewest, left - last)
        phases[np.uintp(computed & mask)] += 1
        kv += computed
    if rep.running > first:
        outputs.count_gap(w, r, t - rep.cursor_t, rep.running - first)
    finished = int(rep.running - kept)
    rep.running = rep.count0 = kept
    rep.batch = kept - left_out
    rep.cursor_kv = kv
    rep.landed = _until(rep.batch, left_out, fewest)
    rep.stretch = 0
    rep.steps = last
    rep.end0 = rep.end1
    rep.slot = 1 - rep.slot
    return finished


@kernel
def end(w: World, r: int, t: float) -> float:
    """Leave the stretch at time t with its last step in flight; returns when that ends."""
    advance(w, r, t)
    rep = w.rep[r]
    steps, last = rep.cursor, rep.depth - 1
    scheduled = 0
    for i in range(rep.running):
        q = w.running[r, i]
        req = w.req[q]
        if steps > 1 or not last:
            w.steps[r, rep.slot, i] = q
        computed = min(req.computed + steps, req.prompt + req.output - 1)
        if last and computed > req.computed:
            req.in_flight = 2
            w.steps[r, 1 - rep.slot, scheduled] = q
            scheduled += 1
        req.computed = computed
        req.held = blocks.whole(w, r, computed)
        req.delivered += steps - 1
        if req.delivered > 0:
            req.last_token = rep.cursor_t
    rep.count0 = rep.running
    rep.count1 = scheduled
    rep.steps = rep.depth
    rep.stretch = 0
    return float(rep.end0)

"""What a finished step delivers: vLLM V1's `update_from_output()`, and what the picker sees of it."""

from __future__ import annotations

import math

import numpy as np

from glia_sim.engine import blocks, layout, running
from glia_sim.engine.compiled import kernel
from glia_sim.engine.world import ENDED, World

RUNNING, WAITING, DONE = layout.RUNNING, layout.WAITING, layout.DONE
FAILED, ABORTED = layout.FAILED, layout.ABORTED
FINISHED, CLIENT_TIMEOUT = layout.FINISHED, layout.CLIENT_TIMEOUT
ITL_LOW_EXPONENT = layout.ITL_LOW_EXPONENT
ITL_OCTAVES = layout.ITL_OCTAVES
ITL_STEPS = layout.ITL_STEPS


@kernel
def count_gap(w: World, r: int, gap: float, tokens: int) -> None:
    """Count `tokens` tokens that came `gap` seconds after the one before them."""
    rep = w.rep[r]
    if not rep.bin_low <= gap < rep.bin_high:
        mantissa, exponent = math.frexp(gap)
        octave = min(max(exponent - 1 - ITL_LOW_EXPONENT, 0), ITL_OCTAVES - 1)
        part = int((mantissa * 2.0 - 1.0) * ITL_STEPS) if gap > 0.0 else 0
        rep.bin = octave * ITL_STEPS + part
        rep.bin_low = math.ldexp(1.0 + part / ITL_STEPS, ITL_LOW_EXPONENT + octave)
        rep.bin_high = math.ldexp(1.0 + (part + 1) / ITL_STEPS, ITL_LOW_EXPONENT + octave)
    w.itl[rep.bin] += tokens
    rep.itl_sum += gap * tokens
    rep.itl_count += tokens


@kernel
def first_token(w: World, r: int, q: int, t: float) -> None:
    """Request q gets its first token at time t."""
    req = w.req[q]
    req.first_token = t
    if req.streaming:
        account = w.account[req.picker, r]
        account.started += 1
        account.waiting_tokens -= req.prompt


@kernel
def close(w: World, r: int, q: int) -> None:
    """Take request q off its picker's books for replica r."""
    req = w.req[q]
    account = w.account[req.picker, r]
    account.in_flight -= 1
    if req.streaming and req.first_token >= 0.0:
        account.started -= 1
    else:
        account.waiting_tokens -= req.prompt
    w.ended[w.tally[ENDED]] = q
    w.tally[ENDED] += 1


@kernel
def finish(w: World, r: int, q: int, t: float) -> None:
    """Request q, whose blocks are free again, has all its tokens."""
    req = w.req[q]
    if req.state == WAITING:  # preempted, and its last token was already in flight
        w.rep[r].waiting -= 1
        w.account[req.picker, r].waiting_blocks -= running.seen_blocks(w, r, q)
    req.state = DONE
    req.status = FINISHED
    req.finish = t
    close(w, r, q)


@kernel
def _deliver_stale(w: World, r: int, q: int, t: float) -> None:
    """Hand out the token that was in flight when request q was preempted."""
    req = w.req[q]
    account = w.account[req.picker, r]
    account.waiting_blocks -= running.seen_blocks(w, r, q)
    req.delivered += 1
    account.waiting_blocks += running.seen_blocks(w, r, q)
    if req.delivered == 1:
        first_token(w, r, q, t)
    else:
        count_gap(w, r, t - req.last_token, 1)
    req.last_token = t


@kernel
def _deliver(w: World, r: int, t: float) -> bool:
    """Hand out one token to each running request of the oldest step; returns whether any request got its last."""
    rep = w.rep[r]
    asynchronous, caching, slot = rep.depth == 2, rep.caching, rep.slot
    sampled = w.steps[r, slot]
    last = False
    same = 0
    gap = 0.0
    for k in range(rep.count0):
        q = sampled[k]
        req = w.req[np.uintp(q)]
        if req.state != RUNNING:
            if req.state == WAITING:
                _deliver_stale(w, r, q, t)
                last |= req.delivered == req.output
            continue
        req.delivered += 1
        if req.delivered == 1:
            first_token(w, r, q, t)
        elif t - req.last_token == gap:
            same += 1
        else:
            if same > 0:
                count_gap(w, r, gap, same)
            gap = t - req.last_token
            same = 1
        req.last_token = t
        if asynchronous:
            req.in_flight -= 1
            if caching:
                blocks.remember(w, r, q, req.computed - req.in_flight)
        last |= req.delivered == req.output
    if same > 0:
        count_gap(w, r, gap, same)
    return last


@kernel
def _finish_all(w: World, r: int, t: float) -> int:
    """End the requests of the oldest step that have all their tokens; returns how many."""
    rep = w.rep[r]
    sampled = w.steps[r, rep.slot]
    finished = 0
    for k in range(rep.count0):
        q = sampled[k]
        req = w.req[np.uintp(q)]
        if req.delivered == req.output and req.state in (RUNNING, WAITING):
            if req.state == RUNNING:
                running.release(w, r, q)
            finish(w, r, q, t)
            finished += 1
    _sweep(w, r)
    return finished


@kernel
def _sweep(w: World, r: int) -> None:
    """Close the gaps that ended requests leave in the running batch."""
    rep, batch = w.rep[r], w.running[r]
    kept = 0
    for i in range(rep.running):
        q = batch[i]
        if w.req[np.uintp(q)].state in (RUNNING, ABORTED):
            batch[kept] = q
            kept += 1
    rep.running = kept


@kernel
def update(w: World, r: int, t: float) -> int:
    """Deliver the oldest step in flight at replica r, which ends at time t; returns how many requests finished."""
    rep = w.rep[r]
    finished = _finish_all(w, r, t) if _deliver(w, r, t) else 0
    rep.steps -= 1
    rep.end0 = rep.end1
    rep.count0 = rep.count1
    rep.slot = 1 - rep.slot
    return finished


@kernel
def abort(w: World, r: int, q: int, t: float) -> None:
    """The client of request q, which waits or runs at replica r, goes away; its blocks are free at the next step."""
    req = w.req[q]
    if req.state == WAITING:
        w.rep[r].waiting -= 1
        w.account[req.picker, r].waiting_blocks -= running.seen_blocks(w, r, q)
        req.state = FAILED
    else:
        req.state = ABORTED
        w.rep[r].aborts += 1
    req.status = CLIENT_TIMEOUT
    req.finish = t
    close(w, r, q)


@kernel
def drop_aborted(w: World, r: int) -> None:
    """Free the running requests whose clients went away since the last step."""
    rep = w.rep[r]
    for i in range(rep.running):
        q = w.running[r, i]
        if w.req[q].state == ABORTED:
            running.release(w, r, q)
            w.req[q].state = FAILED
    _sweep(w, r)
    rep.aborts = rep.landed = 0

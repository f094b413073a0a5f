"""Building one engine step: admission of waiting requests, the step's duration, and putting it in flight."""

from __future__ import annotations

from glia_sim.engine import blocks, layout, running, waiting
from glia_sim.engine.compiled import kernel
from glia_sim.engine.running import Load
from glia_sim.engine.world import LOGGED, STUCK, World

RUNNING = layout.RUNNING
NOWHERE = layout.NOWHERE


@kernel
def _admit(w: World, r: int, q: int, t: float, start: float, hits: int) -> bool:
    """Move the head of the waiting queue into the running batch; returns whether it runs for the first time."""
    rep, req = w.rep[r], w.req[q]
    w.account[req.picker, r].waiting_blocks -= running.seen_blocks(w, r, q)
    waiting.pop(w, r)
    req.state = RUNNING
    req.computed = hits * rep.block_size
    w.running[r, rep.running] = q
    rep.running += 1
    if req.first_sched >= 0.0:
        req.resume_cached += req.computed
        req.recomputed += req.prompt + req.delivered - req.computed
        return False
    req.first_sched = t
    req.first_exec = start
    req.cached = req.computed
    return True


@kernel
def _schedule_waiting(w: World, r: int, t: float, start: float, cap: int, budget: int) -> tuple[int, int]:
    """Admit waiting requests in order until one does not fit; returns how many are new and how many resumed."""
    rep = w.rep[r]
    new = resumed = 0
    while budget > 0:
        q = waiting.peek(w, r)
        if q == NOWHERE or rep.running >= rep.max_active:
            break
        req = w.req[q]
        hits = unused = 0
        if rep.caching:
            hits, unused = blocks.lookup(w, r, q)
        known = req.prompt + req.delivered
        n = known - hits * rep.block_size
        if 0 < cap < n:
            n = cap
        n = min(n, budget)
        spare = rep.free - unused - (rep.watermark if rep.running > 0 else 0)
        whole = blocks.whole(w, r, min(known, rep.max_len)) - hits
        need = blocks.whole(w, r, n)
        if need > spare or (rep.reserve_full and whole > spare):
            break
        if _admit(w, r, q, t, start, hits):
            new += 1
        else:
            resumed += 1
        if rep.caching:
            blocks.touch(w, r, q, hits)
        req.scheduled = n
        running.allocate(w, r, q, need)
        budget -= n
    return new, resumed


@kernel
def step_time(
    w: World, r: int, tokens: int, decode_kv: float, prefill_kv: float, attention: float, batch: int
) -> float:
    """Seconds that one step takes; the formula and its fits stand in `glia_sim.hardware`."""
    rep = w.rep[r]
    if tokens == 0:
        return float(rep.idle_s)
    return float(
        rep.base_s
        + rep.token_s * max(tokens - rep.floor_tokens, 0.0)
        + rep.context_s * (decode_kv + prefill_kv)
        + rep.kv_s * decode_kv
        + rep.attention_s * attention
        + rep.batch_s * batch
    )


@kernel
def _launch(w: World, r: int, start: float, first: int, old: int, load: Load) -> Load:
    """Count the scheduled requests from position `first` of the running batch on, and put the step in flight."""
    rep = w.rep[r]
    at = (rep.slot + rep.steps) & 1
    for i in range(first, rep.running):
        q = w.running[r, i]
        n = w.req[q].scheduled
        if n > 0:
            w.req[q].scheduled = 0
            load = running.add(w, r, q, n, at, load, i >= old)
    tokens, _, _, batch, sampled, decode_kv, prefill_kv, attention = load
    _enter(w, r, start, step_time(w, r, tokens, decode_kv, prefill_kv, attention, batch), sampled)
    return load


@kernel
def _enter(w: World, r: int, start: float, duration: float, sampled: int) -> None:
    rep = w.rep[r]
    end = start + duration
    if rep.steps == 0:
        rep.end0 = end
        rep.count0 = sampled
    else:
        rep.end1 = end
        rep.count1 = sampled
    rep.steps += 1
    rep.last_end = end
    rep.step_s = duration
    rep.busy_s += duration
    rep.block_seconds += duration * (rep.usable - rep.free)
    rep.iterations += 1


@kernel
def log_step(
    w: World,
    r: int,
    t: float,
    duration: float,
    tokens: int,
    prefill: int,
    requests: int,
    kv: float,
    preempted: int,
    new: int,
    resumed: int,
) -> None:
    """Note one step, in the columns of `layout.STEP_COLUMNS`."""
    rep = w.rep[r]
    at = w.tally[LOGGED]
    if at < w.log.shape[0]:
        row = w.log[at]
        row[0] = t
        row[1] = duration
        row[2] = tokens
        row[3] = prefill
        row[4] = requests
        row[5] = kv
        row[6] = rep.running
        row[7] = rep.waiting
        row[8] = rep.usable - rep.free
        row[9] = preempted
        row[10] = new
        row[11] = resumed
    w.tally[LOGGED] += 1


@kernel
def schedule(w: World, r: int, t: float) -> int:
    """Build the next step of replica r at time t and put it in flight; returns its tokens."""
    rep = w.rep[r]
    start = max(t, rep.last_end)
    cap = rep.long_prefill if rep.running + rep.waiting > 1 else 0
    first = old = rep.running
    preempted = new = resumed = 0
    budget, load = running.schedule_roomy(w, r, cap)
    if budget < 0:
        budget, preempted = running.schedule(w, r, cap)
        first, old, load = 0, rep.running, running.NOTHING
    if preempted == 0 and rep.waiting > 0:
        new, resumed = _schedule_waiting(w, r, t, start, cap, budget)
    load = _launch(w, r, start, first, old, load)
    tokens, prefill, requests, _, _, decode_kv, prefill_kv, _ = load
    if w.log.shape[0] > 0:
        log_step(w, r, t, rep.step_s, tokens, prefill, requests, decode_kv + prefill_kv, preempted, new, resumed)
    if tokens == 0 and rep.running == 0 and rep.steps == 1:
        w.tally[STUCK] = r + 1
    return tokens

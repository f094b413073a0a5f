"""Building one engine step: vLLM V1's `schedule()`.

Running requests first, in order; then waiting ones, unless somebody was preempted in this step. The exact rules and
their order follow vLLM 0.32 and are checked step by step against its own scheduler (`glia_sim.oracle`).
"""

from __future__ import annotations

from glia_sim.engine import blocks, layout, waiting
from glia_sim.engine.compiled import kernel
from glia_sim.engine.world import LOGGED, PREEMPTED, STUCK, World

RUNNING = layout.RUNNING
NOWHERE = layout.NOWHERE
BY_PROMPT = layout.BY_PROMPT
PREEMPTED_FIRST = 2.0**40  # larger than any prompt: preempted requests stand before all others in a queue by prompt


@kernel
def seen_blocks(w: World, q: int, size: int) -> int:
    """Blocks that request q fills with its prompt and with what its picker has seen of its output."""
    tokens = w.req[q].prompt
    if w.req[q].streaming:
        tokens += w.req[q].delivered
    return int((tokens + size - 1) // size)


@kernel
def enqueue(w: World, r: int, q: int, preempted: bool) -> None:
    """Put request q into the waiting queue of replica r."""
    rep = w.rep[r]
    if rep.order == BY_PROMPT:
        w.req[q].key = w.req[q].prompt - (PREEMPTED_FIRST if preempted else 0.0)
    else:
        w.req[q].key = w.req[q].priority
    waiting.push(w, r, q, preempted)
    w.account[w.req[q].picker, r].waiting_blocks += seen_blocks(w, q, rep.block_size)


@kernel
def release(w: World, r: int, q: int) -> None:
    """Free all KV blocks of request q."""
    if w.rep[r].caching:
        blocks.release(w, r, q)
    else:
        w.rep[r].free += w.req[q].held
        w.req[q].held = 0


@kernel
def _preempt(w: World, r: int, q: int) -> None:
    release(w, r, q)
    req = w.req[q]
    req.computed = 0
    req.in_flight = 0
    req.scheduled = 0
    req.preemptions += 1
    w.rep[r].preemptions += 1
    enqueue(w, r, q, True)
    if w.preempted.shape[0] > 0 and w.tally[PREEMPTED] < w.preempted.shape[0]:
        w.preempted[w.tally[PREEMPTED], 0] = w.tally[LOGGED]
        w.preempted[w.tally[PREEMPTED], 1] = q
        w.tally[PREEMPTED] += 1


@kernel
def _victim(w: World, r: int) -> int:
    """Position in the running batch of the request to preempt: the last, or the one with the worst (priority, arrival)."""
    rep = w.rep[r]
    if not rep.preempt_by_priority:
        return int(rep.running - 1)
    worst = 0
    for i in range(1, rep.running):
        a, b = w.req[w.running[r, i]], w.req[w.running[r, worst]]
        if a.priority > b.priority or (a.priority == b.priority and a.dispatch > b.dispatch):
            worst = i
    return worst


@kernel
def _remove(w: World, r: int, at: int) -> None:
    for i in range(at, w.rep[r].running - 1):
        w.running[r, i] = w.running[r, i + 1]
    w.rep[r].running -= 1


@kernel
def _allocate(w: World, r: int, q: int, count: int) -> None:
    if w.rep[r].caching:
        blocks.take(w, r, q, count)
        req = w.req[q]
        known = min(req.computed + req.scheduled, req.prompt + req.delivered)
        blocks.remember(w, r, q, known)
    else:
        w.rep[r].free -= count
        w.req[q].held += count


@kernel
def _tokens(w: World, r: int, q: int, cap: int, budget: int) -> int:
    """Tokens of running request q to compute in this step; 0 where its last token is already in flight."""
    rep, req = w.rep[r], w.req[q]
    if req.in_flight > 0 and req.computed + 2 - req.in_flight >= req.prompt + req.output:
        return 0
    n = req.prompt + req.delivered + req.in_flight - req.computed
    if 0 < cap < n:
        n = cap
    return int(min(min(n, budget), rep.max_len - req.computed - 1))


@kernel
def _schedule_running(w: World, r: int, cap: int) -> tuple[int, int]:
    """Give tokens to the running requests, preempting where blocks run out; returns budget left and preemptions."""
    rep = w.rep[r]
    budget = rep.max_batched
    preempted = 0
    i = 0
    while i < rep.running and budget > 0:
        q = w.running[r, i]
        n = _tokens(w, r, q, cap, budget)
        if n <= 0:
            i += 1
            continue
        req = w.req[q]
        need = (req.computed + n + rep.block_size - 1) // rep.block_size - req.held
        victim = NOWHERE
        while need > rep.free and victim != q:
            at = _victim(w, r)
            victim = w.running[r, at]
            budget += w.req[victim].scheduled
            if at < i:
                i -= 1
            _remove(w, r, at)
            _preempt(w, r, victim)
            preempted += 1
        if victim == q:
            break
        req.scheduled = n
        if need > 0 or rep.caching:
            _allocate(w, r, q, need)
        budget -= n
        i += 1
    return budget, preempted


@kernel
def _admit(w: World, r: int, q: int, t: float, start: float, hits: int) -> bool:
    """Move the head of the waiting queue into the running batch; returns whether it runs for the first time."""
    rep, req = w.rep[r], w.req[q]
    w.account[req.picker, r].waiting_blocks -= seen_blocks(w, q, rep.block_size)
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
        whole = (min(known, rep.max_len) + rep.block_size - 1) // rep.block_size - hits
        need = (hits * rep.block_size + n + rep.block_size - 1) // rep.block_size - hits
        if need > spare or (rep.reserve_full and whole > spare):
            break
        if _admit(w, r, q, t, start, hits):
            new += 1
        else:
            resumed += 1
        if rep.caching:
            blocks.touch(w, r, q, hits)
        req.scheduled = n
        _allocate(w, r, q, need)
        budget -= n
    return new, resumed


@kernel
def step_time(w: World, r: int, tokens: int, decode_kv: float, prefill_kv: float, attention: float, batch: int) -> float:
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
def _launch(w: World, r: int, start: float, old: int) -> tuple[int, int, int, float]:
    """Turn the scheduled tokens into a step in flight; returns tokens, prefill tokens, requests and context tokens."""
    rep = w.rep[r]
    at = (rep.slot + rep.steps) & 1
    sampled = tokens = prefill = requests = batch = 0
    decode_kv = prefill_kv = attention = 0.0
    for i in range(rep.running):
        q = w.running[r, i]
        req = w.req[q]
        n = req.scheduled
        if n == 0:
            continue
        req.scheduled = 0
        if n > 1 or i >= old:
            attention += n * (req.computed + 0.5 * n)
            prefill_kv += req.computed + n
            prefill += n
        else:
            decode_kv += req.computed + n
            batch += 1
        req.computed += n
        tokens += n
        requests += 1
        if req.computed == req.prompt + req.delivered + req.in_flight:
            w.steps[r, at, sampled] = q
            sampled += 1
            if rep.depth == 2:
                req.in_flight += 1
    duration = step_time(w, r, tokens, decode_kv, prefill_kv, attention, batch)
    _enter(w, r, start, duration, sampled)
    return tokens, prefill, requests, decode_kv + prefill_kv


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
    budget, preempted = _schedule_running(w, r, cap)
    old = rep.running
    new = resumed = 0
    if preempted == 0 and rep.waiting > 0:
        new, resumed = _schedule_waiting(w, r, t, start, cap, budget)
    tokens, prefill, requests, kv = _launch(w, r, start, old)
    if w.log.shape[0] > 0:
        log_step(w, r, t, rep.step_s, tokens, prefill, requests, kv, preempted, new, resumed)
    if tokens == 0 and rep.running == 0 and rep.steps == 1:
        w.tally[STUCK] = r + 1
    return tokens

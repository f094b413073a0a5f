"""Giving tokens to the running requests of one step: the first half of vLLM V1's `schedule()`, and preemption.

The exact rules and their order follow vLLM 0.32 and are checked step by step against its own scheduler
(`glia_sim.oracle`).
"""

from __future__ import annotations

import numpy as np

from glia_sim.engine import blocks, layout, waiting
from glia_sim.engine.compiled import kernel
from glia_sim.engine.world import LOGGED, PREEMPTED, World

NOWHERE = layout.NOWHERE
BY_PROMPT = layout.BY_PROMPT
Load = tuple[int, int, int, int, int, float, float, float]
"""A step being built: tokens, prefill tokens, requests, decoding requests, requests that sample, context tokens of
decoding and of other requests, and the sum over prefill chunks of chunk * (prior + chunk / 2)."""
NOTHING: Load = (0, 0, 0, 0, 0, 0.0, 0.0, 0.0)
PREEMPTED_FIRST = 2.0**40  # larger than any prompt: preempted requests stand before all others in a queue by prompt


@kernel
def seen_blocks(w: World, r: int, q: int) -> int:
    """Blocks that request q fills with its prompt and with what its picker has seen of its output."""
    tokens = w.req[q].prompt
    if w.req[q].streaming:
        tokens += w.req[q].delivered
    return blocks.whole(w, r, tokens)


@kernel
def enqueue(w: World, r: int, q: int, preempted: bool) -> None:
    """Put request q into the waiting queue of replica r."""
    rep = w.rep[r]
    if rep.order == BY_PROMPT:
        w.req[q].key = w.req[q].prompt - (PREEMPTED_FIRST if preempted else 0.0)
    else:
        w.req[q].key = w.req[q].priority
    waiting.push(w, r, q, preempted)
    w.account[w.req[q].picker, r].waiting_blocks += seen_blocks(w, r, q)


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
    """Position in the running batch of the victim: the last, or the one with the worst (priority, arrival)."""
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
def allocate(w: World, r: int, q: int, count: int) -> None:
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
    return int(min(n, budget, rep.max_len - req.computed - 1))


@kernel
def schedule(w: World, r: int, cap: int) -> tuple[int, int]:
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
        need = blocks.whole(w, r, req.computed + n) - req.held
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
            allocate(w, r, q, need)
        budget -= n
        i += 1
    return budget, preempted


@kernel
def add(w: World, r: int, q: int, n: int, at: int, load: Load, admitted: bool) -> Load:
    """Add request q with n tokens to the step being built in half `at` of the step lists."""
    req = w.req[q]
    tokens, prefill, requests, batch, sampled, decode_kv, prefill_kv, attention = load
    if n > 1 or admitted:
        attention += n * (req.computed + 0.5 * n)
        prefill_kv += req.computed + n
        prefill += n
    else:
        decode_kv += req.computed + n
        batch += 1
    req.computed += n
    if req.computed == req.prompt + req.delivered + req.in_flight:
        w.steps[r, at, sampled] = q
        sampled += 1
        if w.rep[r].depth == 2:
            req.in_flight += 1
    return tokens + n, prefill, requests + 1, batch, sampled, decode_kv, prefill_kv, attention


@kernel
def _decode(w: World, r: int, budget: int) -> tuple[int, int, int, float]:
    """Schedule the leading running requests that decode: one token each, where blocks cannot run out.

    Returns how many there are before the first that does not, how many sample, the blocks they took, and their context.
    """
    rep = w.rep[r]
    at, mask, asynchronous = (rep.slot + rep.steps) & 1, rep.block_size - 1, rep.depth == 2
    batch, sampling = w.running[r], w.steps[r, at]
    sampled = taken = kv = 0
    i = 0
    while i < rep.running and sampled < budget:
        q = batch[i]
        req = w.req[np.uintp(q)]
        computed = req.computed
        if computed + 1 != req.prompt + req.delivered + req.in_flight:
            break
        i += 1
        if asynchronous:
            if req.in_flight > 0 and computed + 1 >= req.prompt + req.output:
                continue
            req.in_flight += 1
        if computed & mask == 0:
            req.held += 1
            taken += 1
        req.computed = computed + 1
        kv += computed + 1
        sampling[sampled] = q
        sampled += 1
    return i, sampled, taken, float(kv)


@kernel
def _undo(w: World, r: int, count: int) -> None:
    """Take back what `_decode` did for `count` requests that sample."""
    rep = w.rep[r]
    sampling, mask = w.steps[r, (rep.slot + rep.steps) & 1], rep.block_size - 1
    for i in range(count):
        req = w.req[sampling[i]]
        req.computed -= 1
        if rep.depth == 2:
            req.in_flight -= 1
        if req.computed & mask == 0:
            req.held -= 1


@kernel
def schedule_roomy(w: World, r: int, cap: int) -> tuple[int, Load]:
    """As `schedule` where nobody has to be preempted, and count the requests in the same pass.

    Returns the budget left and the load so far; budget -1, and nothing done, where blocks might run out after all.
    """
    rep = w.rep[r]
    if rep.caching or rep.free < rep.running:
        return -1, NOTHING
    at = (rep.slot + rep.steps) & 1
    first, count, taken, kv = _decode(w, r, rep.max_batched)
    budget = rep.max_batched - count
    load = (count, 0, count, count, count, kv, 0.0, 0.0)
    others = rep.running - first
    if others > 0 and rep.free - taken <= others + (budget >> rep.shift):
        _undo(w, r, count)
        return -1, NOTHING
    for i in range(first, rep.running):
        if budget == 0:
            break
        q = w.running[r, i]
        n = _tokens(w, r, q, cap, budget)
        if n > 0:
            req = w.req[q]
            held = blocks.whole(w, r, req.computed + n)
            taken += held - req.held
            req.held = held
            budget -= n
            load = add(w, r, q, n, at, load, False)
    rep.free -= taken
    return budget, load

"""The router of one picker: a held queue in the policy's order, and a choice of replica for its head.

A pass runs on arrivals, completions and view refreshes. It takes held requests in order; each goes to the replica with
the best score. Where no replica gives a score, BLOCK from any of them ends the pass, and SKIP from all lets the next
request try. A faulting program is answered by the last resort: the serving replica with the fewest requests in flight.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from glia_sim.engine import events, layout, requests, running, stretch, telemetry, views
from glia_sim.engine.compiled import kernel
from glia_sim.engine.control import (
    HAS_ORDER,
    HAS_PRIORITY,
    HAS_SCORE,
    STATIC_ORDER,
    STEADY_ORDER,
    Control,
    Floats,
    Ints,
)
from glia_sim.engine.world import FAULTS, World

HELD = layout.HELD
SKIPPED, BLOCKED = -1, -2
SEARCHES = 8
FAR_S = 2.0**20
NEAR = 1e-9
"""Anchored keys that differ by less, relative to what they are made of, may have been told apart by rounding alone."""
PRIORITY_LIMIT = 2.0**31 - 1.0  # vLLM's priority is a C int
Evaluate = Callable[[Floats, Floats, int, Floats, Floats, Ints], float]
Score = Callable[[Floats, Floats, int, Floats, Floats, Floats, Ints], None]


@kernel
def _above(c: Control, p: int, a: int, b: int) -> bool:
    """Whether heap entry a goes before entry b: lower key, then earlier arrival."""
    if c.held_key[p, a] != c.held_key[p, b]:
        return bool(c.held_key[p, a] < c.held_key[p, b])
    return bool(c.held_q[p, a] < c.held_q[p, b])


@kernel
def _swap(c: Control, p: int, a: int, b: int) -> None:
    c.held_key[p, a], c.held_key[p, b] = c.held_key[p, b], c.held_key[p, a]
    c.held_q[p, a], c.held_q[p, b] = c.held_q[p, b], c.held_q[p, a]


@kernel
def _sink(c: Control, p: int, at: int) -> None:
    size = c.picker[p].heap
    while True:
        best = at
        for child in range(2 * at + 1, min(2 * at + 3, size)):
            if _above(c, p, child, best):
                best = child
        if best == at:
            return
        _swap(c, p, at, best)
        at = best


@kernel
def _push(c: Control, p: int, q: int, key: float) -> None:
    at = c.picker[p].heap
    c.picker[p].heap += 1
    c.held_key[p, at] = key
    c.held_q[p, at] = q
    while at > 0 and _above(c, p, at, (at - 1) // 2):
        _swap(c, p, at, (at - 1) // 2)
        at = (at - 1) // 2


@kernel
def _pop(c: Control, p: int) -> int:
    q = c.held_q[p, 0]
    last = c.picker[p].heap - 1
    _swap(c, p, 0, last)
    c.picker[p].heap = last
    _sink(c, p, 0)
    return int(q)


@kernel
def _key(w: World, c: Control, p: int, q: int, t: float, order: Evaluate) -> float:
    """Position of request q in the held queue; the order of arrival where the program has none, or faults."""
    if not c.flags[HAS_ORDER]:
        return float(w.req[q].sequence)
    requests.fill_request(w, c, q, t)
    c.fault[0] = 0
    key = order(c.request, c.views[p], c.clock[0].serving, c.fleet[p], c.values, c.fault)
    if c.fault[0] != 0:
        w.tally[FAULTS] += 1
        return float(w.req[q].sequence)
    return key


@kernel
def _rekey(w: World, c: Control, p: int, t: float, order: Evaluate) -> None:
    """Recompute the keys of all held requests, dropping those that gave up; what is left is in no order."""
    kept = 0
    for k in range(c.picker[p].heap):
        q = c.held_q[p, k]
        if w.req[q].state == HELD:
            c.held_q[p, kept] = q
            c.held_key[p, kept] = _key(w, c, p, q, t, order)
            kept += 1
    c.picker[p].heap = kept


@kernel
def _take_least(c: Control, p: int, taken: int) -> int:
    """Take the first of held requests that are in no order; few are searched for, many are worth a heap."""
    size = c.picker[p].heap
    if taken == SEARCHES:
        for at in range(size // 2 - 1, -1, -1):
            _sink(c, p, at)
    if taken < SEARCHES:
        best = 0
        for at in range(1, size):
            if _above(c, p, at, best):
                best = at
        _swap(c, p, 0, best)
        _swap(c, p, 0, size - 1)
        c.picker[p].heap = size - 1
        return int(c.held_q[p, size - 1])
    return _pop(c, p)


@kernel
def _anchored(w: World, c: Control, p: int, q: int, order: Evaluate) -> float:
    """Key of request q as if it had arrived at the beginning, from which all keys of a steady order grow alike."""
    clock, arrival = c.clock[0], w.req[q].arrival
    faults = w.tally[FAULTS]
    key = _key(w, c, p, q, arrival, order)
    if math.isnan(clock.ageing):
        clock.ageing = (_key(w, c, p, q, arrival + FAR_S, order) - key) / FAR_S
    if w.tally[FAULTS] != faults or not math.isfinite(clock.ageing):
        w.tally[FAULTS] = faults
        c.flags[STEADY_ORDER] = 0
    return float(key - clock.ageing * (arrival - clock.begin))


@kernel
def _entry_key(w: World, c: Control, p: int, q: int, t: float, order: Evaluate) -> float:
    """Key under which request q enters the heap; an order that is ranked in every pass needs none."""
    if c.flags[STATIC_ORDER]:
        return _key(w, c, p, q, t, order)
    return _anchored(w, c, p, q, order) if c.flags[STEADY_ORDER] else 0.0


@kernel
def _take_steady(w: World, c: Control, p: int, t: float, order: Evaluate) -> int:
    """Take the first held request of a steady order; the program itself decides between keys that nearly tie."""
    clock, picker = c.clock[0], c.picker[p]
    first = _pop(c, p)
    key = c.held_key[p, picker.heap]
    near = key + NEAR * (1.0 + abs(key) + abs(clock.ageing) * (t - clock.begin))
    if picker.heap == 0 or c.held_key[p, 0] > near:
        return first
    count = 1  # what is popped stands behind the heap, last popped first
    while picker.heap > 0 and c.held_key[p, 0] <= near:
        _pop(c, p)
        count += 1
    best, least = -1, math.inf
    for at in range(picker.heap, picker.heap + count):
        q = c.held_q[p, at]
        exact = _key(w, c, p, q, t, order) if w.req[q].state == HELD else math.inf
        if best < 0 or exact < least or (exact == least and q < c.held_q[p, best]):
            best, least = at, exact
    _swap(c, p, best, picker.heap + count - 1)
    for _ in range(count - 1):
        _push(c, p, c.held_q[p, picker.heap], c.held_key[p, picker.heap])
    return int(c.held_q[p, picker.heap])


@kernel
def _take(w: World, c: Control, p: int, t: float, taken: int, order: Evaluate) -> int:
    """Take the first held request; its entry stays behind the end of the heap."""
    if c.flags[STATIC_ORDER]:
        return _pop(c, p)
    return _take_steady(w, c, p, t, order) if c.flags[STEADY_ORDER] else _take_least(c, p, taken)


@kernel
def _least_loaded(c: Control, p: int, sequence: int) -> int:
    """Row of the serving replica with the fewest requests in flight, ties rotated by the sequence number."""
    serving = c.clock[0].serving
    best = sequence % serving
    for k in range(1, serving):
        row = (sequence + k) % serving
        if c.views[p, row, views.IN_FLIGHT] < c.views[p, best, views.IN_FLIGHT]:
            best = row
    return int(best)


@kernel
def _choose(w: World, c: Control, p: int, q: int, score: Score) -> int:
    """Row for request q, or SKIPPED, or BLOCKED."""
    serving = c.clock[0].serving
    sequence = w.req[q].sequence
    if not c.flags[HAS_SCORE]:
        return _least_loaded(c, p, sequence)
    requests.fill_hits(w, c, p, q)
    c.fault[0] = 0
    score(c.request, c.views[p], serving, c.fleet[p], c.values, c.scores, c.fault)
    if c.fault[0] != 0:
        w.tally[FAULTS] += 1
        return _least_loaded(c, p, sequence)
    best = SKIPPED
    top = -math.inf
    row = sequence % serving
    for _ in range(serving):
        value = c.scores[row]
        if value == math.inf:
            best = BLOCKED if best == SKIPPED else best
        elif value > top:
            top = value
            best = row
        row = row + 1 if row + 1 < serving else 0
    return int(best)


@kernel
def _prioritise(w: World, c: Control, p: int, q: int, priority: Evaluate) -> None:
    """Write vLLM's priority into request q, rounded down to an integer; 0 where the program faults."""
    c.fault[0] = 0
    value = priority(c.request, c.views[p], c.clock[0].serving, c.fleet[p], c.values, c.fault)
    if c.fault[0] != 0:
        w.tally[FAULTS] += 1
        value = 0.0
    w.req[q].priority = max(min(math.floor(value), PRIORITY_LIMIT), -PRIORITY_LIMIT)


@kernel
def _dispatch(w: World, c: Control, p: int, r: int, q: int, t: float) -> None:
    req, account = w.req[q], w.account[p, r]
    req.dispatch = t
    req.replica = r
    account.in_flight += 1
    account.waiting_tokens += req.prompt
    c.picker[p].held -= 1
    c.picker[p].in_flight += 1
    c.picker[-1].held -= 1
    c.picker[-1].in_flight += 1
    c.clock[0].progress = t
    requests.note_prefix(w, c, p, r, q)
    views.mark(w, c, r)
    if w.rep[r].stretch > 0:
        events.set_due(c, r, stretch.cut(w, r, t), events.OUTPUT)
    elif c.due[r] == math.inf:
        events.set_due(c, r, t, events.SCHEDULE)
    running.enqueue(w, r, q, False)


@kernel
def arrive(w: World, c: Control, q: int, t: float, order: Evaluate) -> int:
    """Take request q into the held queue of its picker; returns the picker."""
    pickers = c.picker.shape[0] - 1
    p = q % pickers
    req = w.req[q]
    req.state = HELD
    req.picker = p
    req.sequence = c.picker[p].sequence
    for own in (p, pickers):
        c.picker[own].sequence += 1
        c.picker[own].tokens_60s += req.prompt
        c.picker[own].held += 1
    _push(c, p, q, _entry_key(w, c, p, q, t, order))
    return int(p)


@kernel
def run(w: World, c: Control, p: int, t: float, order: Evaluate, score: Score, priority: Evaluate) -> None:
    """One pass over the held queue of picker p."""
    c.picker[p].poked = 0
    c.clock[0].next_refresh = t + c.clock[0].refresh_s
    if c.picker[p].held == 0 or c.clock[0].serving == 0:
        return
    views.refresh(w, c, p, t)
    telemetry.fill_fleet(w, c, p, t)
    if not (c.flags[STATIC_ORDER] or c.flags[STEADY_ORDER]):
        _rekey(w, c, p, t, order)
    stashed = taken = 0
    while c.picker[p].heap > 0:
        q = _take(w, c, p, t, taken, order)
        key = c.held_key[p, c.picker[p].heap]
        taken += 1
        if w.req[q].state != HELD:
            continue
        requests.fill_request(w, c, q, t)
        row = _choose(w, c, p, q, score)
        if row == BLOCKED:
            _push(c, p, q, key)
            break
        if row == SKIPPED:
            c.stash[stashed] = q
            stashed += 1
            continue
        if c.flags[HAS_PRIORITY]:
            _prioritise(w, c, p, q, priority)
        r = c.row_slot[row]
        _dispatch(w, c, p, r, q, t)
        if c.picker[p].held == 0:
            break
        views.fill_row(w, c, p, r, t)
        telemetry.fill_fleet(w, c, p, t)
    for k in range(stashed):
        q = c.stash[k]
        _push(c, p, q, _entry_key(w, c, p, q, t, order))

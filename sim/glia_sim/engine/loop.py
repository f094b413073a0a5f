"""The fleet's event loop: a total order on events (time, kind, sequence), nothing drawn at random.

At one instant, in this order: outputs of steps, replicas that become ready, scrapes, arrivals, hold TTLs, client
time-outs, the autoscaler, a new look at held requests where every replica is idle, a timeline sample, and last the
building of new steps, so that a step sees all that happened before it.
"""

from __future__ import annotations

import math

from glia_sim.engine import (
    blocks,
    control,
    events,
    handle,
    layout,
    outputs,
    router,
    scaling,
    step,
    stretch,
    telemetry,
    views,
    world,
)
from glia_sim.engine.compiled import entry, kernel
from glia_sim.engine.control import Control
from glia_sim.engine.router import Evaluate, Score
from glia_sim.engine.world import ENDED, STUCK, World

COMING, HELD, WAITING, RUNNING = layout.COMING, layout.HELD, layout.WAITING, layout.RUNNING
DONE, FAILED, ABORTED = layout.DONE, layout.FAILED, layout.ABORTED
HOLD_TIMEOUT, CLIENT_TIMEOUT = layout.HOLD_TIMEOUT, layout.CLIENT_TIMEOUT
READY, SCRAPE, ARRIVAL, HOLD, CLIENT, AUTOSCALE, REFRESH, TIMELINE = range(8)
PATIENCE_S = 3600.0
"""A fleet in which nothing arrives, is dispatched or ends for this long will not move again; the run ends there."""


@kernel
def _proceed(w: World, c: Control, r: int, t: float) -> None:
    """Put replica r's next step, or stretch of steps, in flight."""
    rep = w.rep[r]
    if rep.aborts > 0:
        outputs.drop_aborted(w, r)
    views.mark(w, c, r)
    if rep.running + rep.waiting > 0:
        due = stretch.begin(w, r, t)
        if due >= 0.0:
            events.set_due(c, r, due, events.OUTPUT)
            return
        while True:
            tokens = step.schedule(w, r, t)
            if rep.steps >= rep.depth or (tokens == 0 and rep.running + rep.waiting == 0):
                break
    if rep.steps > 0:
        events.set_due(c, r, rep.end0, events.OUTPUT)
    else:
        events.idle(c, r)
        if rep.state == layout.DRAINING:
            scaling.leave(w, c, r, t)


@kernel
def _account(w: World, c: Control, since: int, t: float) -> None:
    """Let pickers and telemetry know of the requests that ended since the `since`-th."""
    for k in range(since, w.tally[ENDED]):
        req = w.req[w.ended[k]]
        if req.replica >= 0:
            c.picker[req.picker].in_flight -= 1
            c.picker[-1].in_flight -= 1
            views.mark(w, c, req.replica)
        if req.state == DONE:
            telemetry.count_output(c, req.output)
        c.picker[req.picker].poked = 1
        c.clock[0].progress = t


@kernel
def _route_poked(w: World, c: Control, t: float, order: Evaluate, score: Score, priority: Evaluate) -> None:
    for p in range(c.picker.shape[0] - 1):
        if c.picker[p].poked:
            router.run(w, c, p, t, order, score, priority)


@kernel
def _output(w: World, c: Control, r: int, t: float, order: Evaluate, score: Score, priority: Evaluate) -> None:
    since = w.tally[ENDED]
    finished = stretch.land(w, r, t) if w.rep[r].stretch > 0 else outputs.update(w, r, t)
    views.mark(w, c, r)
    events.set_due(c, r, t, events.SCHEDULE)
    if finished > 0:
        _account(w, c, since, t)
        c.clock[0].delivered = r
        _route_poked(w, c, t, order, score, priority)


@kernel
def _scrape(w: World, c: Control, t: float) -> None:
    """Let every picker whose scrape is due read all replicas; telemetry follows at its own step."""
    clock = c.clock[0]
    for p in range(c.picker.shape[0] - 1):
        if c.picker[p].next_scrape <= t:
            c.picker[p].next_scrape += clock.scrape_s
            for row in range(clock.rows):
                views.scrape(w, c, p, c.row_slot[row], t)
                views.mark(w, c, c.row_slot[row])
            c.picker[p].poked = 1
    if t >= clock.next_telemetry:
        telemetry.read_outputs(c)
        clock.next_telemetry += clock.telemetry_s


@kernel
def _end_held(w: World, c: Control, q: int, status: int, t: float) -> None:
    req = w.req[q]
    req.state = FAILED
    req.status = status
    req.finish = t
    c.picker[req.picker].held -= 1
    c.picker[-1].held -= 1
    w.ended[w.tally[ENDED]] = q
    w.tally[ENDED] += 1


@kernel
def _give_up(w: World, c: Control, q: int, t: float) -> None:
    """The client of request q goes away: drop it, or abort it before the next step where it runs."""
    req = w.req[q]
    since = w.tally[ENDED]
    if req.state == HELD:
        _end_held(w, c, q, CLIENT_TIMEOUT, t)
    elif req.state in (WAITING, RUNNING):
        r = req.replica
        if w.rep[r].stretch > 0:
            events.set_due(c, r, stretch.end(w, r, t), events.OUTPUT)
        outputs.abort(w, r, q, t)
    _account(w, c, since, t)


@kernel
def _sample(w: World, c: Control, t: float) -> None:
    """Note one row of the timeline."""
    clock = c.clock[0]
    clock.next_timeline += clock.timeline_s
    at = clock.timeline_rows
    if at >= c.timeline.shape[0]:
        clock.next_timeline = math.inf
        return
    clock.timeline_rows += 1
    row = c.timeline[at]
    replicas = w.rep.shape[0]
    row[0] = t
    row[1] = c.picker[-1].held
    for r in range(replicas):
        rep = w.rep[r]
        if rep.stretch > 0:
            stretch.advance(w, r, t)
        row[2 + r] = (rep.usable - rep.free) / rep.usable
        row[2 + replicas + r] = rep.running
        row[2 + 2 * replicas + r] = rep.waiting
    row[2 + 3 * replicas] = clock.serving


@kernel
def _next_other(w: World, c: Control) -> tuple[float, int]:
    """The soonest event that is not a replica's, and its kind; at equal times the lower kind."""
    clock = c.clock[0]
    soonest = clock.next_ready
    kind = READY
    if clock.scrape_s > 0.0:
        for p in range(c.picker.shape[0] - 1):
            if c.picker[p].next_scrape < soonest:
                soonest = c.picker[p].next_scrape
                kind = SCRAPE
    n = w.req.shape[0]
    if clock.arrived < n and w.req[clock.arrived].arrival < soonest:
        soonest = w.req[clock.arrived].arrival
        kind = ARRIVAL
    if clock.hold_at < clock.arrived and w.req[clock.hold_at].arrival + clock.hold_ttl_s < soonest:
        soonest = w.req[clock.hold_at].arrival + clock.hold_ttl_s
        kind = HOLD
    if clock.client_at < clock.arrived and w.req[clock.client_at].arrival + clock.client_timeout_s < soonest:
        soonest = w.req[clock.client_at].arrival + clock.client_timeout_s
        kind = CLIENT
    if clock.next_autoscale < soonest:
        soonest = clock.next_autoscale
        kind = AUTOSCALE
    if c.picker[-1].held > 0 and c.due[c.heap[0]] == math.inf and clock.next_refresh < soonest:
        soonest = clock.next_refresh
        kind = REFRESH
    if clock.next_timeline < soonest:
        soonest = clock.next_timeline
        kind = TIMELINE
    return soonest, kind


@kernel
def _other(
    w: World,
    c: Control,
    kind: int,
    t: float,
    order: Evaluate,
    score: Score,
    priority: Evaluate,
    replicas: Evaluate,
) -> None:
    clock = c.clock[0]
    clock.delivered = w.rep.shape[0]
    if kind == READY:
        scaling.ready(w, c, t)
        for p in range(c.picker.shape[0] - 1):
            c.picker[p].poked = 1
    elif kind == SCRAPE:
        _scrape(w, c, t)
    elif kind == ARRIVAL:
        p = router.arrive(w, c, clock.arrived, t, order)
        clock.arrived += 1
        clock.progress = t
        c.picker[p].poked = 1
    elif kind == HOLD:
        q = clock.hold_at
        clock.hold_at += 1
        if w.req[q].state == HELD:
            since = w.tally[ENDED]
            _end_held(w, c, q, HOLD_TIMEOUT, t)
            _account(w, c, since, t)
    elif kind == CLIENT:
        clock.client_at += 1
        _give_up(w, c, clock.client_at - 1, t)
    elif kind == REFRESH:
        clock.next_refresh = t + clock.refresh_s
        for p in range(c.picker.shape[0] - 1):
            c.picker[p].poked = 1
    elif kind == AUTOSCALE:
        clock.next_autoscale += clock.autoscale_s
        before = clock.serving
        scaling.autoscale(w, c, t, replicas)
        for p in range(c.picker.shape[0] - 1):
            c.picker[p].poked |= clock.serving > before
    else:
        _sample(w, c, t)
        return
    _route_poked(w, c, t, order, score, priority)


@entry
def _simulate(w: World, c: Control, order: Evaluate, score: Score, priority: Evaluate, replicas: Evaluate) -> float:
    """Run until every request has ended, or nothing can move; returns when the last one ended, or patience did."""
    clock = c.clock[0]
    n = w.req.shape[0]
    for r in range(w.rep.shape[0]):
        if w.rep[r].caching:
            blocks.reset(w, r)
    views.arrange_rows(w, c, 0.0)
    clock.progress = w.req[0].arrival
    while w.tally[ENDED] < n and w.tally[STUCK] == 0:
        t, kind = _next_other(w, c)
        r = c.heap[0]
        due = c.due[r]
        if due < t or (due == t and c.kind[r] == events.OUTPUT):
            if c.kind[r] == events.OUTPUT:
                _output(w, c, r, due, order, score, priority)
            else:
                _proceed(w, c, r, due)
            continue
        if t == math.inf or (clock.arrived == n and t > clock.progress + PATIENCE_S and due == math.inf):
            clock.progress += PATIENCE_S
            break
        _other(w, c, kind, t, order, score, priority, replicas)
    return float(clock.progress)


def simulate(w: World, c: Control, order: Evaluate, score: Score, priority: Evaluate, replicas: Evaluate) -> float:
    """Run until every request has ended, or nothing can move; fills the arrays in place.

    Returns:
        When the last request ended, or patience with those that are left, in seconds on the workload's clock.
    """
    ours = handle.Handle(world.KIND, w._asdict())
    theirs = handle.Handle(control.KIND, c._asdict())
    return float(_simulate(ours, theirs, order, score, priority, replicas))  # type: ignore[arg-type]

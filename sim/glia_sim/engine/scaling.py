"""Scaling the fleet: the autoscaler program's wish, start-up delay, draining, and the bill in GPU seconds."""

from __future__ import annotations

import math

from glia_sim.engine import layout, telemetry, views
from glia_sim.engine.compiled import kernel
from glia_sim.engine.control import HAS_AUTOSCALER, Control
from glia_sim.engine.router import Evaluate
from glia_sim.engine.world import FAULTS, World

ABSENT, STARTING, SERVING, DRAINING = layout.ABSENT, layout.STARTING, layout.SERVING, layout.DRAINING


@kernel
def _present(w: World, c: Control) -> int:
    """Replicas of the scaled group that serve or will."""
    count = 0
    for r in range(c.clock[0].scaled_first, c.clock[0].scaled_last):
        if w.rep[r].state in (STARTING, SERVING):
            count += 1
    return count


@kernel
def _remove(w: World, r: int, t: float) -> None:
    rep = w.rep[r]
    rep.gpu_s += (t - rep.born_t) * rep.gpus
    rep.state = ABSENT


@kernel
def _grow(w: World, c: Control, t: float) -> bool:
    """Add one replica: a draining one returns at once, an absent one starts."""
    clock = c.clock[0]
    for r in range(clock.scaled_first, clock.scaled_last):
        if w.rep[r].state == DRAINING:
            w.rep[r].state = SERVING
            return True
    for r in range(clock.scaled_first, clock.scaled_last):
        rep = w.rep[r]
        if rep.state == ABSENT:
            rep.state = STARTING
            rep.born_t = t
            rep.ready_t = t + clock.startup_s
            clock.next_ready = min(clock.next_ready, rep.ready_t)
            return True
    return False


@kernel
def _in_flight(w: World, r: int) -> int:
    total = 0
    for p in range(w.account.shape[0]):
        total += w.account[p, r].in_flight
    return total


@kernel
def _shrink(w: World, c: Control, t: float) -> bool:
    """Take one replica away: the youngest that still starts, else drain the one with the fewest requests in flight."""
    clock = c.clock[0]
    chosen = -1
    for r in range(clock.scaled_first, clock.scaled_last):
        if w.rep[r].state == STARTING and (chosen < 0 or w.rep[r].ready_t >= w.rep[chosen].ready_t):
            chosen = r
    if chosen >= 0:
        _remove(w, chosen, t)
        return True
    for r in range(clock.scaled_first, clock.scaled_last):
        if w.rep[r].state == SERVING and (chosen < 0 or _in_flight(w, r) <= _in_flight(w, chosen)):
            chosen = r
    if chosen < 0:
        return False
    w.rep[chosen].state = DRAINING
    leave(w, c, chosen, t)
    return True


@kernel
def leave(w: World, c: Control, r: int, t: float) -> bool:
    """Remove a draining replica that has nothing left to do; returns whether it went."""
    if w.rep[r].state == DRAINING and c.due[r] == math.inf and _in_flight(w, r) == 0:
        _remove(w, r, t)
        views.arrange_rows(w, c, t)
        return True
    return False


@kernel
def ready(w: World, c: Control, t: float) -> None:
    """Let replicas whose start-up is over serve."""
    clock = c.clock[0]
    clock.next_ready = math.inf
    for r in range(w.rep.shape[0]):
        rep = w.rep[r]
        if rep.state == STARTING:
            if rep.ready_t <= t:
                rep.state = SERVING
            else:
                clock.next_ready = min(clock.next_ready, rep.ready_t)
    clock.last_scale = t
    views.arrange_rows(w, c, t)


@kernel
def autoscale(w: World, c: Control, t: float, replicas: Evaluate) -> None:
    """Ask the autoscaler program how many replicas are wanted, rounded up, and move towards it."""
    clock = c.clock[0]
    if not c.flags[HAS_AUTOSCALER]:
        return
    own = c.picker.shape[0] - 1
    for row in range(clock.rows):
        if clock.scrape_s > 0.0:
            views.scrape(w, c, own, c.row_slot[row], t)
        views.fill_row(w, c, own, c.row_slot[row], t)
    telemetry.fill_fleet(w, c, own, t)
    c.fault[0] = 0
    for k in range(c.request.shape[0]):
        c.request[k] = 0.0
    value = replicas(c.request, c.views[own], clock.serving, c.fleet[own], c.values, c.fault)
    if c.fault[0] != 0:
        w.tally[FAULTS] += 1
        return
    low, high = float(clock.min_replicas), float(clock.max_replicas)
    clock.wanted = int(min(max(math.ceil(value), low), high))
    present = _present(w, c)
    changed = False
    while present < clock.wanted and _grow(w, c, t):
        present += 1
        changed = True
    while present > clock.wanted and _shrink(w, c, t):
        present -= 1
        changed = True
    if changed:
        clock.last_scale = t
        views.arrange_rows(w, c, t)

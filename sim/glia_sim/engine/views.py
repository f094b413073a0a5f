"""The rows of replicas, each field only from its production source (docs/decisions/views.md)."""

from __future__ import annotations

from glia_sim.engine import blocks, layout, stretch
from glia_sim.engine.compiled import kernel
from glia_sim.engine.control import READS_COMMITTED, READS_LIVE, SEES_ALL, Control
from glia_sim.engine.world import World
from glia_sim.policy import fields

_REPLICA = fields.REPLICA_COLUMNS
INDEX, RUNNING, WAITING = _REPLICA["index"], _REPLICA["running"], _REPLICA["waiting"]
IN_FLIGHT, STARTED, PREEMPTED = _REPLICA["in_flight"], _REPLICA["started"], _REPLICA["preempted"]
WAITING_TOKENS, KV_BLOCKS, KV_USED = _REPLICA["waiting_tokens"], _REPLICA["kv_blocks"], _REPLICA["kv_used"]
COMMITTED, BLOCK_SIZE, MAX_SEQS = _REPLICA["committed_blocks"], _REPLICA["block_size"], _REPLICA["max_seqs"]
STEP_MS, AGE, GPU = _REPLICA["step_ms"], _REPLICA["age_s"], _REPLICA["gpu"]
IS_DRAINING, IS_STARTING, PREFIX_HIT = _REPLICA["draining"], _REPLICA["starting"], _REPLICA["prefix_hit_tokens"]


@kernel
def mark(w: World, c: Control, r: int) -> None:
    """Note that the row of replica r must be filled anew before it is read."""
    for p in range(w.account.shape[0]):
        w.account[p, r].fresh = 0
    if c.is_dirty[r] == 0:
        c.is_dirty[r] = 1
        c.dirty[c.clock[0].dirty] = r
        c.clock[0].dirty += 1


@kernel
def _running_blocks(w: World, p: int, r: int, ahead: int) -> int:
    """Blocks that picker p's running requests at replica r fill with their prompts and the tokens it has seen.

    `ahead` tokens of each have been delivered in a stretch that is not committed yet.
    """
    total = 0
    for i in range(w.rep[r].running):
        req = w.req[w.running[r, i]]
        if req.picker == p and req.state == layout.RUNNING:
            seen = req.delivered + ahead if req.streaming else 0
            total += blocks.whole(w, r, req.prompt + seen)
    return total


@kernel
def _opened(w: World, r: int, now: bool) -> int:
    """Blocks that delivered tokens of a stretch fill, less the blocks in use: all requests decode in lockstep.

    A token opens a block where the one before filled one. `now`: the oldest step's tokens are delivered at this
    instant, and the next step, which takes blocks for them, is not built yet.
    """
    rep = w.rep[r]
    mask = rep.block_size - 1
    if rep.depth == 2:
        return 0 if now else -w.phases[r, (1 - rep.cursor) & mask]
    return int(w.phases[r, -rep.cursor & mask]) if now else 0


@kernel
def _committed(w: World, c: Control, p: int, r: int, t: float) -> float:
    """Blocks that picker p's requests at replica r fill with their prompts and the tokens it has seen by time t."""
    rep, account = w.rep[r], w.account[p, r]
    ahead = 0
    if rep.stretch > 0:
        stretch.advance(w, r, t)
        now = rep.next_t == t and r < c.clock[0].delivered
        if c.flags[SEES_ALL]:
            return float(account.waiting_blocks + rep.usable - rep.free + _opened(w, r, now))
        ahead = rep.cursor if now else rep.cursor - 1
    if rep.stretch > 0 or not account.fresh:
        account.running_blocks = _running_blocks(w, p, r, ahead)
        account.fresh = 1
    return float(account.waiting_blocks + account.running_blocks)


@kernel
def scrape(w: World, c: Control, p: int, r: int, t: float) -> None:
    """Read replica r's gauges and counters for picker p, or for the autoscaler."""
    rep = w.rep[r]
    if rep.stretch > 0:
        stretch.advance(w, r, t)
    got = c.scrape[p, r]
    itl_sum, itl_count = rep.itl_sum, rep.itl_count
    if rep.stretch > 0 and rep.next_t == t:  # delivered at this instant, though the stretch counts them later
        itl_sum += (t - rep.cursor_t) * rep.running
        itl_count += rep.running
    tokens = itl_count - got.itl_count
    if tokens > 0:
        got.step_ms = 1000.0 * (itl_sum - got.itl_sum) / tokens
    got.itl_sum = itl_sum
    got.itl_count = itl_count
    got.t = t
    got.running = rep.running
    got.waiting = rep.waiting
    got.kv_used = rep.usable - rep.free


@kernel
def _fill_engine(w: World, c: Control, p: int, r: int, row: int, t: float) -> None:
    rep, view = w.rep[r], c.views[p, row]
    if c.clock[0].scrape_s > 0.0:
        got = c.scrape[p, r]
        view[RUNNING] = got.running
        view[WAITING] = got.waiting
        view[KV_USED] = got.kv_used
        view[STEP_MS] = got.step_ms
        view[AGE] = t - got.t
        return
    view[RUNNING] = rep.running
    view[WAITING] = rep.waiting
    if rep.stretch > 0 and c.flags[READS_LIVE]:
        stretch.advance(w, r, t)
    view[KV_USED] = rep.usable - rep.free
    view[STEP_MS] = 1000.0 * rep.step_s


@kernel
def _fill_committed(w: World, c: Control, p: int, r: int, row: int, t: float) -> None:
    first, last = (p, p + 1) if p < w.account.shape[0] else (0, w.account.shape[0])
    committed = 0.0
    for own in range(first, last):
        committed += _committed(w, c, own, r, t)
    c.views[p, row, COMMITTED] = committed


@kernel
def fill_row(w: World, c: Control, p: int, r: int, t: float) -> None:
    """Fill the row of replica r as picker p knows it at time t."""
    row = c.slot_row[r]
    if row < 0:
        return
    _fill_engine(w, c, p, r, row, t)
    view = c.views[p, row]
    first, last = (p, p + 1) if p < w.account.shape[0] else (0, w.account.shape[0])
    in_flight = started = tokens = 0
    for own in range(first, last):
        account = w.account[own, r]
        in_flight += account.in_flight
        started += account.started
        tokens += account.waiting_tokens
    view[IN_FLIGHT] = in_flight
    view[STARTED] = started
    view[PREEMPTED] = max(started - view[RUNNING], 0.0)
    view[WAITING_TOKENS] = tokens
    if c.flags[READS_COMMITTED]:
        _fill_committed(w, c, p, r, row, t)


@kernel
def refresh(w: World, c: Control, p: int, t: float) -> None:
    """Fill what has changed since the last look, and what never stands still where the policy reads that."""
    clock = c.clock[0]
    for k in range(clock.dirty):
        r = c.dirty[k]
        c.is_dirty[r] = 0
        for own in range(c.picker.shape[0]):
            fill_row(w, c, own, r, t)
    clock.dirty = 0
    if c.flags[READS_LIVE]:
        for row in range(clock.rows):
            r = c.row_slot[row]
            _fill_engine(w, c, p, r, row, t)
            if c.flags[READS_COMMITTED]:
                _fill_committed(w, c, p, r, row, t)


@kernel
def arrange_rows(w: World, c: Control, t: float) -> None:
    """Put serving replicas first, then starting, then draining ones, and fill what only changes with them."""
    clock = c.clock[0]
    row = 0
    for state in (layout.SERVING, layout.STARTING, layout.DRAINING):
        begin = row
        for r in range(w.rep.shape[0]):
            if w.rep[r].state == state:
                c.row_slot[row] = r
                c.slot_row[r] = row
                row += 1
        if state == layout.SERVING:
            clock.serving = row
        elif state == layout.STARTING:
            clock.starting = row - begin
        else:
            clock.draining = row - begin
    clock.rows = row
    for r in range(w.rep.shape[0]):
        if w.rep[r].state == layout.ABSENT:
            c.slot_row[r] = -1
    for p in range(c.picker.shape[0]):
        for at in range(row):
            _fill_static(w, c, p, at)
            fill_row(w, c, p, c.row_slot[at], t)


@kernel
def _fill_static(w: World, c: Control, p: int, row: int) -> None:
    rep, view = w.rep[c.row_slot[row]], c.views[p, row]
    view[INDEX] = row
    view[KV_BLOCKS] = rep.usable + 1
    view[BLOCK_SIZE] = rep.block_size
    view[MAX_SEQS] = rep.max_active
    view[GPU] = rep.gpu
    view[AGE] = 0.0
    view[PREFIX_HIT] = 0.0
    view[IS_STARTING] = 1.0 if rep.state == layout.STARTING else 0.0
    view[IS_DRAINING] = 1.0 if rep.state == layout.DRAINING else 0.0

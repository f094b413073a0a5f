"""Filling the views that a policy reads, each field only from its production source (docs/decisions/views.md)."""

from __future__ import annotations

import numpy as np

from glia_sim.engine import blocks, layout, stretch
from glia_sim.engine.compiled import kernel
from glia_sim.engine.control import (
    READS_COMMITTED,
    READS_FLEET,
    READS_LIVE,
    READS_OUTPUTS,
    READS_PREFIX,
    Control,
)
from glia_sim.engine.world import CHUNK, World
from glia_sim.policy import fields

_REPLICA = fields.REPLICA_COLUMNS
INDEX, RUNNING, WAITING = _REPLICA["index"], _REPLICA["running"], _REPLICA["waiting"]
IN_FLIGHT, STARTED, PREEMPTED = _REPLICA["in_flight"], _REPLICA["started"], _REPLICA["preempted"]
WAITING_TOKENS, KV_BLOCKS, KV_USED = _REPLICA["waiting_tokens"], _REPLICA["kv_blocks"], _REPLICA["kv_used"]
COMMITTED, BLOCK_SIZE, MAX_SEQS = _REPLICA["committed_blocks"], _REPLICA["block_size"], _REPLICA["max_seqs"]
STEP_MS, AGE, GPU = _REPLICA["step_ms"], _REPLICA["age_s"], _REPLICA["gpu"]
IS_DRAINING, IS_STARTING, PREFIX_HIT = _REPLICA["draining"], _REPLICA["starting"], _REPLICA["prefix_hit_tokens"]

_REQUEST = fields.REQUEST_COLUMNS
PROMPT, WAITED, SEQUENCE = _REQUEST["prompt_tokens"], _REQUEST["waited_s"], _REQUEST["sequence"]
U1, U2 = _REQUEST["u1"], _REQUEST["u2"]

_FLEET = fields.FLEET_COLUMNS
SERVING, STARTING, DRAINING, WANTED = _FLEET["serving"], _FLEET["starting"], _FLEET["draining"], _FLEET["wanted"]
HELD, FLEET_IN_FLIGHT = _FLEET["held"], _FLEET["in_flight"]
RATE_10S, RATE_60S, TOKENS_60S = (
    _FLEET["arrivals_per_s_10s"],
    _FLEET["arrivals_per_s_60s"],
    _FLEET["prompt_tokens_per_s_60s"],
)
OUTPUT_MEAN, SINCE_SCALE = _FLEET["output_mean"], _FLEET["since_scale_s"]
ROWS = fields.ROWS

NO_OUTPUTS_YET = 256.0
"""Output tokens assumed until the first completed request is known."""
OUTPUT_EDGES = np.array(
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000], dtype=np.float64
)
"""Upper bucket edges of vllm:request_generation_tokens."""
_TO_UNIT = 1.0 / 9007199254740992.0
_S11 = np.uint64(11)


@kernel
def mark(c: Control, r: int) -> None:
    """Note that the row of replica r must be filled anew before it is read."""
    if c.is_dirty[r] == 0:
        c.is_dirty[r] = 1
        c.dirty[c.clock[0].dirty] = r
        c.clock[0].dirty += 1


@kernel
def _committed(w: World, p: int, r: int) -> float:
    """Blocks that picker p's requests at replica r fill with their prompts and the tokens it has seen."""
    rep = w.rep[r]
    total = w.account[p, r].waiting_blocks
    ahead = max(rep.cursor - 1, 0) if rep.stretch > 0 else 0
    for i in range(rep.running):
        req = w.req[w.running[r, i]]
        if req.picker == p:
            seen = req.delivered + ahead if req.streaming else 0
            total += blocks.whole(w, r, req.prompt + seen)
    return float(total)


@kernel
def scrape(w: World, c: Control, p: int, r: int, t: float) -> None:
    """Read replica r's gauges and counters for picker p."""
    rep = w.rep[r]
    if rep.stretch > 0:
        stretch.advance(w, r, t)
    got = c.scrape[p, r]
    tokens = rep.itl_count - got.itl_count
    if tokens > 0:
        got.step_ms = 1000.0 * (rep.itl_sum - got.itl_sum) / tokens
    got.itl_sum = rep.itl_sum
    got.itl_count = rep.itl_count
    got.t = t
    got.running = rep.running
    got.waiting = rep.waiting
    got.kv_used = rep.usable - rep.free


@kernel
def _fill_engine(w: World, c: Control, p: int, r: int, row: int, t: float) -> None:
    rep, view = w.rep[r], c.views[p, row]
    if c.clock[0].scrape_s > 0.0 and p < c.scrape.shape[0]:
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
def fill_row(w: World, c: Control, p: int, r: int, t: float) -> None:
    """Fill the row of replica r as picker p knows it at time t."""
    row = c.slot_row[r]
    if row < 0:
        return
    _fill_engine(w, c, p, r, row, t)
    view = c.views[p, row]
    first, last = (p, p + 1) if p < w.account.shape[0] else (0, w.account.shape[0])
    in_flight = started = tokens = 0
    committed = 0.0
    for own in range(first, last):
        account = w.account[own, r]
        in_flight += account.in_flight
        started += account.started
        tokens += account.waiting_tokens
        if c.flags[READS_COMMITTED]:
            committed += _committed(w, own, r)
    view[IN_FLIGHT] = in_flight
    view[STARTED] = started
    view[PREEMPTED] = max(started - view[RUNNING], 0.0)
    view[WAITING_TOKENS] = tokens
    view[COMMITTED] = committed


@kernel
def refresh(w: World, c: Control, p: int, t: float) -> None:
    """Fill what has changed since the last look: all rows where the policy reads values that never stand still."""
    clock = c.clock[0]
    if c.flags[READS_LIVE]:
        for row in range(clock.rows):
            fill_row(w, c, p, c.row_slot[row], t)
        return
    for k in range(clock.dirty):
        r = c.dirty[k]
        c.is_dirty[r] = 0
        for own in range(c.picker.shape[0]):
            fill_row(w, c, own, r, t)
    clock.dirty = 0


@kernel
def _window(w: World, c: Control, p: int, t: float) -> None:
    """Forget arrivals that have left the 10 s and the 60 s windows."""
    pickers = c.picker.shape[0] - 1
    first, stride = (p, pickers) if p < pickers else (0, 1)
    picker = c.picker[p]
    while picker.first_10s < picker.sequence and w.req[first + stride * picker.first_10s].arrival < t - 10.0:
        picker.first_10s += 1
    while picker.first_60s < picker.sequence and w.req[first + stride * picker.first_60s].arrival < t - 60.0:
        picker.tokens_60s -= w.req[first + stride * picker.first_60s].prompt
        picker.first_60s += 1


@kernel
def fill_fleet(w: World, c: Control, p: int, t: float) -> None:
    """Fill the fleet view of picker p, or of the autoscaler where p is the number of pickers."""
    clock, picker, view = c.clock[0], c.picker[p], c.fleet[p]
    view[ROWS] = clock.rows
    view[SERVING] = clock.serving
    if not c.flags[READS_FLEET]:
        return
    view[STARTING] = clock.starting
    view[DRAINING] = clock.draining
    view[WANTED] = clock.wanted
    view[HELD] = picker.held
    view[FLEET_IN_FLIGHT] = picker.in_flight
    _window(w, c, p, t)
    known = max(t - w.req[0].arrival, 1.0)
    view[RATE_10S] = (picker.sequence - picker.first_10s) / min(known, 10.0)
    view[RATE_60S] = (picker.sequence - picker.first_60s) / min(known, 60.0)
    view[TOKENS_60S] = picker.tokens_60s / min(known, 60.0)
    if c.flags[READS_OUTPUTS]:
        if clock.scrape_s == 0.0:
            read_outputs(c)
        for k in range(4):
            view[OUTPUT_MEAN + k] = c.output_stats[k]
    view[SINCE_SCALE] = t - clock.last_scale


@kernel
def _output_quantile(c: Control, share: float) -> float:
    """Quantile by linear interpolation inside a bucket, as PromQL's histogram_quantile does."""
    rank = share * c.clock[0].outputs
    below = 0.0
    for k in range(OUTPUT_EDGES.shape[0]):
        count = c.outputs[k]
        if count > 0.0 and below + count >= rank:
            low = OUTPUT_EDGES[k - 1] if k > 0 else 0.0
            return float(low + (OUTPUT_EDGES[k] - low) * (rank - below) / count)
        below += count
    return float(OUTPUT_EDGES[-1])


@kernel
def read_outputs(c: Control) -> None:
    """Take mean and quantiles of output lengths from the telemetry's histogram."""
    clock = c.clock[0]
    if clock.outputs == 0:
        for k in range(4):
            c.output_stats[k] = NO_OUTPUTS_YET
        return
    c.output_stats[0] = clock.output_sum / clock.outputs
    c.output_stats[1] = _output_quantile(c, 0.5)
    c.output_stats[2] = _output_quantile(c, 0.9)
    c.output_stats[3] = _output_quantile(c, 0.99)


@kernel
def count_output(c: Control, tokens: int) -> None:
    """Add a completed request to the telemetry's histogram of output lengths."""
    k = 0
    while k < OUTPUT_EDGES.shape[0] - 1 and tokens > OUTPUT_EDGES[k]:
        k += 1
    c.outputs[k] += 1.0
    c.clock[0].outputs += 1
    c.clock[0].output_sum += tokens


@kernel
def fill_request(w: World, c: Control, q: int, t: float) -> None:
    """Fill the view of request q."""
    req, view = w.req[q], c.request
    view[PROMPT] = req.prompt
    view[WAITED] = t - req.arrival
    view[SEQUENCE] = req.sequence
    draw = blocks.mix(np.uint64(q) + np.uint64(0x9E3779B97F4A7C15))
    view[U1] = (draw >> _S11) * _TO_UNIT
    view[U2] = (blocks.mix(draw + np.uint64(0x9E3779B97F4A7C15)) >> _S11) * _TO_UNIT


@kernel
def _hit_tokens(w: World, c: Control, p: int, r: int, q: int) -> float:
    """Prompt tokens of request q whose prefix picker p sent to replica r within the last cache's worth of tokens."""
    req, rep = w.req[q], w.rep[r]
    chunk = w.tally[CHUNK]
    capacity = rep.usable * rep.block_size
    hit = 0
    while hit < req.shared:
        at = c.prefix_at[p, r, w.chain[req.chain + hit // chunk]]
        if at < 0.0 or c.sent[p, r] - at > capacity:
            break
        hit = min(hit - hit % chunk + chunk, req.shared)
    return float(hit)


@kernel
def fill_hits(w: World, c: Control, p: int, q: int) -> None:
    """Fill the prefix estimates of request q for every serving replica."""
    if not c.flags[READS_PREFIX]:
        return
    for row in range(c.clock[0].serving):
        c.views[p, row, PREFIX_HIT] = _hit_tokens(w, c, p, c.row_slot[row], q)


@kernel
def note_prefix(w: World, c: Control, p: int, r: int, q: int) -> None:
    """Remember that the prefix of request q went to replica r."""
    if not c.flags[READS_PREFIX]:
        return
    req = w.req[q]
    chunk = w.tally[CHUNK]
    hit = 0
    while hit < req.shared:
        c.prefix_at[p, r, w.chain[req.chain + hit // chunk]] = c.sent[p, r]
        hit += chunk
    c.sent[p, r] += req.prompt


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

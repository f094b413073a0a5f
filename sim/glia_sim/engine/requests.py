"""The request view, and what each replica's prefix cache is thought to hold (docs/decisions/views.md)."""

from __future__ import annotations

import numpy as np

from glia_sim.engine import blocks, views
from glia_sim.engine.compiled import kernel
from glia_sim.engine.control import READS_DRAWS, READS_PREFIX, Control
from glia_sim.engine.world import CHUNK, World
from glia_sim.policy import fields

_REQUEST = fields.REQUEST_COLUMNS
PROMPT, WAITED, SEQUENCE = _REQUEST["prompt_tokens"], _REQUEST["waited_s"], _REQUEST["sequence"]
U1, U2 = _REQUEST["u1"], _REQUEST["u2"]

_TO_UNIT = 1.0 / 9007199254740992.0
_S11 = np.uint64(11)


@kernel
def fill_request(w: World, c: Control, q: int, t: float) -> None:
    """Fill the view of request q."""
    req, view = w.req[q], c.request
    view[PROMPT] = req.prompt
    view[WAITED] = t - req.arrival
    view[SEQUENCE] = req.sequence
    if not c.flags[READS_DRAWS]:
        return
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
        c.views[p, row, views.PREFIX_HIT] = _hit_tokens(w, c, p, c.row_slot[row], q)


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

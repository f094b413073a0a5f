"""vLLM's prefix cache, block by block: reference counts, content hashes, and the exact order of the free queue.

A block that nobody uses stays in the free queue with its content until it is handed out again. On release un-hashed
blocks go to the front of the queue and hashed ones to its end, the tail of the sequence first.
"""

from __future__ import annotations

import numpy as np

from glia_sim.engine import layout
from glia_sim.engine.compiled import kernel
from glia_sim.engine.world import CHUNK, World

NOWHERE = layout.NOWHERE

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _ONE = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(1)

_NEAR = 3
"""So many bits of a key count along the prefix: 2**3 blocks in a row stand side by side in the table, in two lines of a
processor's cache, and only the first of them is slow to reach. More bits gain nothing, for the runs then collide."""


@kernel
def mix(value: np.uint64) -> np.uint64:
    """Finaliser of SplitMix64: a bijection whose output bits all depend on all input bits."""
    value = (value ^ (value >> _S30)) * _MIX1
    value = (value ^ (value >> _S27)) * _MIX2
    return value ^ (value >> _S31)


@kernel
def whole(w: World, r: int, tokens: int) -> int:
    """Blocks of replica r that hold so many tokens."""
    return int((tokens + w.rep[r].block_size - 1) >> w.rep[r].shift)


@kernel
def _content(w: World, q: int, index: int, size: int) -> np.uint64:
    """Identity of block `index` of request q: shared with all whose prefix is the same, or its own."""
    end = (index + 1) * size
    if end <= w.req[q].shared:
        source = np.uint64(w.chain[w.req[q].chain + (end - 1) // w.tally[CHUNK]]) * np.uint64(2)
    else:
        source = np.uint64(q) * np.uint64(2) + _ONE
    row = mix(mix(source + _GOLDEN) + np.uint64(index >> _NEAR))
    return max((row << np.uint64(_NEAR)) | np.uint64(index & ((1 << _NEAR) - 1)), _ONE)


@kernel
def _slot(w: World, r: int, key: np.uint64) -> int:
    """Where the key stands in the table, or the empty slot where it would stand."""
    at = np.int64(key & np.uint64(w.rep[r].table_mask))
    while w.table[r, at].block != NOWHERE and w.table[r, at].key != key:
        at = (at + 1) & w.rep[r].table_mask
    return int(at)


@kernel
def _delete_slot(w: World, r: int, at: int) -> None:
    """Empty a slot and close the gap that linear probing would fall into."""
    hole = at
    at = (at + 1) & w.rep[r].table_mask
    while w.table[r, at].block != NOWHERE:
        home = np.int64(w.table[r, at].key & np.uint64(w.rep[r].table_mask))
        if ((at - home) & w.rep[r].table_mask) >= ((at - hole) & w.rep[r].table_mask):
            w.table[r, hole].key = w.table[r, at].key
            w.table[r, hole].block = w.table[r, at].block
            hole = at
        at = (at + 1) & w.rep[r].table_mask
    w.table[r, hole].block = NOWHERE


@kernel
def _remember(w: World, r: int, b: int, key: np.uint64) -> None:
    if key == w.rep[r].looked_next:
        w.rep[r].looked_q = NOWHERE
    w.block[r, b].key = key
    w.block[r, b].twin_before = NOWHERE
    w.block[r, b].twin_after = NOWHERE
    at = _slot(w, r, key)
    if w.table[r, at].block == NOWHERE:
        w.table[r, at].key = key
        w.table[r, at].block = b
        return
    last = w.table[r, at].block
    while w.block[r, last].twin_after != NOWHERE:
        last = w.block[r, last].twin_after
    w.block[r, last].twin_after = b
    w.block[r, b].twin_before = last


@kernel
def _forget(w: World, r: int, b: int) -> None:
    key = w.block[r, b].key
    if key == np.uint64(0):
        return
    before, after = w.block[r, b].twin_before, w.block[r, b].twin_after
    if after != NOWHERE:
        w.block[r, after].twin_before = before
    if before != NOWHERE:
        w.block[r, before].twin_after = after
    else:
        at = _slot(w, r, key)
        if after != NOWHERE:
            w.table[r, at].block = after
        else:
            _delete_slot(w, r, at)
    w.block[r, b].key = np.uint64(0)


@kernel
def _changed(w: World, r: int, b: int) -> None:
    """Forget the last look-up if it rests on block b."""
    if w.block[r, b].met == w.rep[r].looked_epoch:
        w.rep[r].looked_q = NOWHERE


@kernel
def _unlink(w: World, r: int, b: int) -> None:
    _changed(w, r, b)
    before, after = w.block[r, b].free_before, w.block[r, b].free_after
    if before != NOWHERE:
        w.block[r, before].free_after = after
    else:
        w.rep[r].free_head = after
    if after != NOWHERE:
        w.block[r, after].free_before = before
    else:
        w.rep[r].free_tail = before
    w.rep[r].free -= 1


@kernel
def _link_front(w: World, r: int, b: int) -> None:
    _changed(w, r, b)
    head = w.rep[r].free_head
    w.block[r, b].free_before = NOWHERE
    w.block[r, b].free_after = head
    if head != NOWHERE:
        w.block[r, head].free_before = b
    else:
        w.rep[r].free_tail = b
    w.rep[r].free_head = b
    w.rep[r].free += 1


@kernel
def _link_back(w: World, r: int, b: int) -> None:
    _changed(w, r, b)
    tail = w.rep[r].free_tail
    w.block[r, b].free_before = tail
    w.block[r, b].free_after = NOWHERE
    if tail != NOWHERE:
        w.block[r, tail].free_after = b
    else:
        w.rep[r].free_head = b
    w.rep[r].free_tail = b
    w.rep[r].free += 1


@kernel
def reset(w: World, r: int) -> None:
    """Empty cache: all blocks but the null block 0 are free, in order."""
    w.rep[r].free_head = NOWHERE
    w.rep[r].free_tail = NOWHERE
    usable = w.rep[r].usable
    w.rep[r].free = 0
    for at in range(w.rep[r].table_mask + 1):
        w.table[r, at].block = NOWHERE
    for b in range(usable + 1):
        w.block[r, b].key = np.uint64(0)
        w.block[r, b].users = 0
    for b in range(1, usable + 1):
        _link_back(w, r, b)


@kernel
def lookup(w: World, r: int, q: int) -> tuple[int, int]:
    """Leading blocks of request q that the cache of replica r holds, and how many of them nobody uses.

    At most all tokens but one: the last must be computed to sample. The blocks are noted in the request's table. A
    blocked head is looked up at every step, so an answer is kept until a block that it rests on changes.
    """
    rep = w.rep[r]
    tokens = w.req[q].prompt + w.req[q].delivered
    if rep.looked_q == q and rep.looked_tokens == tokens:
        return int(rep.looked_hits), int(rep.looked_unused)
    most = (tokens - 1) // rep.block_size
    rep.looked_epoch += 1
    rep.looked_next = np.uint64(0)
    hits = unused = 0
    while hits < most:
        key = _content(w, q, hits, rep.block_size)
        b = w.table[r, _slot(w, r, key)].block
        if b == NOWHERE:
            rep.looked_next = key
            break
        w.arena[w.req[q].blocks + hits] = b
        w.block[r, b].met = rep.looked_epoch
        if w.block[r, b].users == 0:
            unused += 1
        hits += 1
    rep.looked_q = q
    rep.looked_tokens = tokens
    rep.looked_hits = hits
    rep.looked_unused = unused
    return hits, unused


@kernel
def touch(w: World, r: int, q: int, hits: int) -> None:
    """Take the blocks that `lookup` found."""
    for index in range(hits):
        b = w.arena[w.req[q].blocks + index]
        if w.block[r, b].users == 0:
            _unlink(w, r, b)
        w.block[r, b].users += 1
    w.req[q].held = hits
    w.req[q].hashed = hits


@kernel
def take(w: World, r: int, q: int, count: int) -> None:
    """Give request q `count` blocks from the front of the free queue; their old content is forgotten."""
    for index in range(w.req[q].held, w.req[q].held + count):
        b = w.rep[r].free_head
        _unlink(w, r, b)
        _forget(w, r, b)
        w.block[r, b].users = 1
        w.arena[w.req[q].blocks + index] = b
    w.req[q].held += count


@kernel
def remember(w: World, r: int, q: int, tokens: int) -> None:
    """Make the whole blocks among the first `tokens` tokens of request q findable."""
    size = w.rep[r].block_size
    full = tokens // size
    for index in range(w.req[q].hashed, full):
        key = _content(w, q, index, size)
        _remember(w, r, w.arena[w.req[q].blocks + index], key)
    w.req[q].hashed = max(np.int64(w.req[q].hashed), full)


@kernel
def release(w: World, r: int, q: int) -> None:
    """Give back all blocks of request q."""
    start, held = w.req[q].blocks, w.req[q].held
    for index in range(held - 1, -1, -1):
        b = w.arena[start + index]
        w.block[r, b].users -= 1
        if w.block[r, b].users == 0 and w.block[r, b].key != np.uint64(0):
            _link_back(w, r, b)
    for index in range(held):
        b = w.arena[start + index]
        if w.block[r, b].users == 0 and w.block[r, b].key == np.uint64(0):
            _link_front(w, r, b)
    w.req[q].held = 0
    w.req[q].hashed = 0

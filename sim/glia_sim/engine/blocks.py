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

_NEAR = 5
"""So many bits of a key count along the prefix: 2**5 blocks in a row stand side by side in the table, in two lines of a
processor's cache, and only the first of them is slow to reach."""
_RUN = (1 << _NEAR) - 1
_SPREAD = np.uint64(64 - _NEAR)
_NO_SOURCE = np.uint64(2**64 - 1)
"""Before the first block; no prefix and no request has this number."""


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
def _source(w: World, q: int, index: int, size: int) -> np.uint64:
    """What block `index` of request q is a part of: a prefix that others may share, or the request itself."""
    end = (index + 1) * size
    if end <= w.req[q].shared:
        return np.uint64(w.chain[w.req[q].chain + (end - 1) // w.tally[CHUNK]]) * np.uint64(2)
    return np.uint64(q) * np.uint64(2) + _ONE


@kernel
def _row(w: World, q: int, index: int, size: int, source: np.uint64, row: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Source of block `index`, and what the keys of its run begin with; from those of the block before."""
    part = _source(w, q, index, size)
    if part != source or index & _RUN == 0:
        row = mix(mix(part + _GOLDEN) + np.uint64(index >> _NEAR)) << np.uint64(_NEAR)
    return part, row


@kernel
def _key(row: np.uint64, index: int) -> np.uint64:
    """Identity of a block's content: shared with all whose prefix is the same, or its own; never 0."""
    return max(row | np.uint64(index & _RUN), _ONE)


@kernel
def _slot(w: World, r: int, key: np.uint64) -> int:
    """Where the table begins with the blocks of such keys: a run stays together, and short runs spread."""
    return int((key ^ (key >> _SPREAD)) & np.uint64(w.rep[r].table_mask))


@kernel
def _holder(w: World, r: int, key: np.uint64) -> int:
    """The oldest block with that content, or NOWHERE."""
    b = w.table[r, _slot(w, r, key)]
    while b != NOWHERE and w.block[r, b].key != key:
        b = w.block[r, b].chained
    return int(b)


@kernel
def _remember(w: World, r: int, b: int, key: np.uint64) -> None:
    if key == w.rep[r].looked_next:
        w.rep[r].looked_q = NOWHERE
    last = _holder(w, r, key)
    w.block[r, b].key = key
    w.block[r, b].twin = NOWHERE
    if last == NOWHERE:
        at = _slot(w, r, key)
        w.block[r, b].chained = w.table[r, at]
        w.table[r, at] = b
        return
    while w.block[r, last].twin != NOWHERE:
        last = w.block[r, last].twin
    w.block[r, last].twin = b


@kernel
def _forget(w: World, r: int, b: int) -> None:
    key = w.block[r, b].key
    if key == np.uint64(0):
        return
    at = _slot(w, r, key)
    before, oldest = NOWHERE, w.table[r, at]
    while w.block[r, oldest].key != key:
        before, oldest = oldest, w.block[r, oldest].chained
    heir = w.block[r, b].twin
    if oldest != b:
        while w.block[r, oldest].twin != b:
            oldest = w.block[r, oldest].twin
        w.block[r, oldest].twin = heir
    else:
        if heir == NOWHERE:
            heir = w.block[r, b].chained
        else:
            w.block[r, heir].chained = w.block[r, b].chained
        if before == NOWHERE:
            w.table[r, at] = heir
        else:
            w.block[r, before].chained = heir
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
        w.table[r, at] = NOWHERE
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
    source, row = _NO_SOURCE, np.uint64(0)
    while hits < most:
        source, row = _row(w, q, hits, rep.block_size, source, row)
        key = _key(row, hits)
        b = _holder(w, r, key)
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
    b = w.rep[r].free_head
    for index in range(w.req[q].held, w.req[q].held + count):
        _changed(w, r, b)
        _forget(w, r, b)
        w.block[r, b].users = 1
        w.arena[w.req[q].blocks + index] = b
        b = w.block[r, b].free_after
    w.req[q].held += count
    w.rep[r].free -= count
    w.rep[r].free_head = b
    if b == NOWHERE:
        w.rep[r].free_tail = NOWHERE
    else:
        w.block[r, b].free_before = NOWHERE


@kernel
def remember(w: World, r: int, q: int, tokens: int) -> None:
    """Make the whole blocks among the first `tokens` tokens of request q findable."""
    size = w.rep[r].block_size
    full = tokens // size
    source, row = _NO_SOURCE, np.uint64(0)
    for index in range(w.req[q].hashed, full):
        source, row = _row(w, q, index, size, source, row)
        _remember(w, r, w.arena[w.req[q].blocks + index], _key(row, index))
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

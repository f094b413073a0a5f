"""A replica's waiting queue, threaded through the request records so that it has no capacity.

By arrival it is a linked list (vLLM's deque); by priority or prompt length it is a skew heap ordered by (key, dispatch,
request), which is what vLLM's `PriorityRequestQueue` orders by.
"""

from __future__ import annotations

from glia_sim.engine import layout
from glia_sim.engine.compiled import kernel
from glia_sim.engine.world import Ints, World

NOWHERE = layout.NOWHERE
WAITING = layout.WAITING
BY_ARRIVAL = layout.BY_ARRIVAL


@kernel
def _before(w: World, a: int, b: int) -> bool:
    if w.req[a].key != w.req[b].key:
        return bool(w.req[a].key < w.req[b].key)
    if w.req[a].dispatch != w.req[b].dispatch:
        return bool(w.req[a].dispatch < w.req[b].dispatch)
    return a < b


@kernel
def _merge(w: World, a: int, b: int) -> int:
    """Merge two skew heaps without recursion; returns the root."""
    if a == NOWHERE:
        return b
    if b == NOWHERE:
        return a
    if _before(w, b, a):
        a, b = b, a
    root = a
    while True:
        below = w.req[a].right
        w.req[a].right = w.req[a].next
        if below == NOWHERE:
            w.req[a].next = b
            return root
        if _before(w, b, below):
            below, b = b, below
        w.req[a].next = below
        a = below


@kernel
def push(w: World, r: int, q: int, first: bool) -> None:
    """Queue request q at replica r; `first` puts it ahead of all others where the queue is by arrival."""
    replica = w.rep[r]
    w.req[q].state = WAITING
    w.req[q].next = NOWHERE
    w.req[q].right = NOWHERE
    replica.waiting += 1
    if replica.order != BY_ARRIVAL:
        replica.head = _merge(w, replica.head, q)
    elif replica.head == NOWHERE:
        replica.head = q
        replica.tail = q
    elif first:
        w.req[q].next = replica.head
        replica.head = q
    else:
        w.req[replica.tail].next = q
        replica.tail = q


@kernel
def _drop_head(w: World, r: int) -> None:
    replica = w.rep[r]
    head = replica.head
    if replica.order != BY_ARRIVAL:
        replica.head = _merge(w, w.req[head].next, w.req[head].right)
    else:
        replica.head = w.req[head].next


@kernel
def peek(w: World, r: int) -> int:
    """Head of the queue, or NOWHERE; requests that ended while they waited are dropped on the way."""
    while w.rep[r].head != NOWHERE and w.req[w.rep[r].head].state != WAITING:
        _drop_head(w, r)
    return int(w.rep[r].head)


@kernel
def pop(w: World, r: int) -> None:
    """Take the head that `peek` returned."""
    _drop_head(w, r)
    w.rep[r].waiting -= 1


@kernel
def rebuild(w: World, r: int, scratch: Ints) -> None:
    """Queue the waiting requests anew, so that nothing links to those that ended while they waited.

    Args:
        w: the world.
        r: the replica.
        scratch: room for all requests.
    """
    replica = w.rep[r]
    linked = 0
    if replica.head != NOWHERE:
        scratch[0] = replica.head
        linked = 1
    at = 0
    while at < linked:
        for below in (w.req[scratch[at]].next, w.req[scratch[at]].right):
            if below != NOWHERE:
                scratch[linked] = below
                linked += 1
        at += 1
    replica.head = replica.tail = NOWHERE
    replica.waiting = 0
    for k in range(linked):
        if w.req[scratch[k]].state == WAITING:
            push(w, r, scratch[k], False)

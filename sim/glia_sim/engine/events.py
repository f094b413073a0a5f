"""Each replica's next event, in a heap: a total order on (time, kind, replica)."""

from __future__ import annotations

import math

from glia_sim.engine.compiled import kernel
from glia_sim.engine.control import Control

# A step's output at a time comes before everything else at that time, and building the next step after everything.
OUTPUT, SCHEDULE = range(2)


@kernel
def _sooner(c: Control, a: int, b: int) -> bool:
    if c.due[a] != c.due[b]:
        return bool(c.due[a] < c.due[b])
    if c.kind[a] != c.kind[b]:
        return bool(c.kind[a] < c.kind[b])
    return a < b


@kernel
def set_due(c: Control, r: int, t: float, kind: int) -> None:
    """Set the next event of replica r; infinity where it has none."""
    c.due[r] = t
    c.kind[r] = kind
    at = c.place[r]
    while at > 0 and _sooner(c, r, c.heap[(at - 1) // 2]):
        above = c.heap[(at - 1) // 2]
        c.heap[at] = above
        c.place[above] = at
        at = (at - 1) // 2
    size = c.heap.shape[0]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and _sooner(c, c.heap[child + 1], c.heap[child]):
            child += 1
        below = c.heap[child]
        if not _sooner(c, below, r):
            break
        c.heap[at] = below
        c.place[below] = at
        at = child
    c.heap[at] = r
    c.place[r] = at


@kernel
def idle(c: Control, r: int) -> None:
    """Replica r has nothing to do until something reaches it."""
    set_due(c, r, math.inf, OUTPUT)

"""Each replica's next event, in a heap: a total order on (time, kind, replica)."""

from __future__ import annotations

import math

import numpy as np

from glia_sim.engine.compiled import kernel
from glia_sim.engine.control import Control

# A step's output at a time comes before everything else at that time, and building the next step after everything.
OUTPUT, SCHEDULE = range(2)


@kernel
def _after(c: Control, r: int, t: float, kind: int, other: int) -> bool:
    """Whether the next event of replica r, at time t, comes after that of another replica."""
    due = c.due[np.uintp(other)]
    if due != t:
        return bool(due < t)
    before = c.kind[np.uintp(other)]
    return bool(before < kind or (before == kind and other < r))


@kernel
def set_due(c: Control, r: int, t: float, kind: int) -> None:
    """Set the next event of replica r; infinity where it has none."""
    heap, place = c.heap, c.place
    c.due[r] = t
    c.kind[r] = kind
    at = place[r]
    while at > 0:
        above = heap[(at - 1) >> 1]
        if _after(c, r, t, kind, above):
            break
        heap[at] = above
        place[np.uintp(above)] = at
        at = (at - 1) >> 1
    size = heap.shape[0]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        below = heap[child]
        if child + 1 < size:
            other = heap[child + 1]
            if _after(c, below, c.due[below], c.kind[below], other):
                child, below = child + 1, other
        if not _after(c, r, t, kind, below):
            break
        heap[at] = below
        place[np.uintp(below)] = at
        at = child
    heap[at] = r
    place[r] = at


@kernel
def idle(c: Control, r: int) -> None:
    """Replica r has nothing to do until something reaches it."""
    set_due(c, r, math.inf, OUTPUT)

"""Seeds for resampling, in streams that cannot meet: what a search has seen, no exam uses."""

from __future__ import annotations

from typing import Literal, get_args

Stream = Literal["training", "validation", "heldout"]

STREAMS: tuple[Stream, ...] = get_args(Stream)
MAX_COUNT = 2**32
MAX_ROOT = 2**28


def stream(name: Stream, count: int, *, root: int = 0) -> tuple[int, ...]:
    """The first `count` seeds of a stream.

    A seed holds its stream in bits 60 and up, `root` in bits 32 to 59 and its position below, so that no two streams,
    roots or positions ever give the same seed. numpy's SeedSequence turns such neighbours into unrelated generators.

    Args:
        name: "training" for search, "validation" to choose among finalists, "heldout" for the exam alone.
        count: how many.
        root: another root gives another, equally disjoint set; 0 to 2**28 - 1.
    """
    if not (0 <= count <= MAX_COUNT and 0 <= root < MAX_ROOT):
        raise ValueError(f"count {count} must be 0 to 2**32 and root {root} 0 to 2**28 - 1")
    base = (STREAMS.index(name) << 60) | (root << 32)
    return tuple(range(base, base + count))

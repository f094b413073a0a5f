"""Other traces like this one: resampling of whole rows, and a burstier version.

A trace whose rate follows a curve is resampled in place, any other from anywhere; docs/decisions/resampling.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from glia_sim.workload import trace

if TYPE_CHECKING:
    import numpy.typing as npt

SHORTEST_MEAN_BLOCK = 50
BLOCKS = 20
SPELL_REQUESTS = 100
SPELL_CONTRAST = 3.0
SPANS, WINDOWS = 10, 20
LEAST_REQUESTS = 1_000
"""A trace is cut into ten spans of twenty windows, to tell a rate curve from noise; a shorter one cannot tell."""
CURVE = 20.0
"""Variance ratio from which the rate follows a curve; heavy bursts at one rate stay below."""
PLACES = 60
REACH = 2.0
"""In-place resampling: blocks are a sixtieth of the trace, and come from at most so many block lengths away."""


def like(workload: trace.Workload, seed: int) -> trace.Workload:
    """Another trace like this one: in place where its rate follows a curve, else by the stationary bootstrap."""
    return in_place(workload, seed) if follows_curve(workload) else stationary(workload, seed)


def follows_curve(workload: trace.Workload) -> bool:
    """Whether the arrival rate differs between tenths of the trace by more than its bursts explain.

    One-way analysis of variance on the arrivals per window: the variance between the means of `SPANS` spans, times
    `WINDOWS`, over the variance of the windows within them.
    """
    since_s = workload.arrival_s - workload.arrival_s[0]
    if workload.requests < LEAST_REQUESTS or not since_s[-1] > 0:
        return False
    counts = np.histogram(since_s, SPANS * WINDOWS)[0].reshape(SPANS, WINDOWS)
    between = WINDOWS * counts.mean(axis=1).var(ddof=1)
    return bool(between > CURVE * counts.var(axis=1, ddof=1).mean())


def in_place(workload: trace.Workload, seed: int) -> trace.Workload:
    """A trace with the same rate curve: Paparoditis and Politis's local block bootstrap (2002), in blocks of time.

    Each sixtieth of the duration is filled with the rows of a stretch as long that begins at most `REACH` block lengths
    earlier or later, drawn uniformly. A row keeps its prompt, output, priority, prefix chain and place within its
    stretch; the duration stays and the number of requests varies. Prefix ids are renewed as in `stationary`.
    """
    since_s = workload.arrival_s - workload.arrival_s[0]
    whole_s = float(since_s[-1]) * (1.0 + 1.0 / workload.requests)
    block_s = whole_s / PLACES
    chance = np.random.Generator(np.random.PCG64DXSM(seed))
    begin_s = np.arange(PLACES) * block_s
    shift_s = chance.uniform(-REACH, REACH, PLACES) * block_s
    source_s = np.clip(begin_s + shift_s, 0.0, whole_s - block_s)
    first, last = np.searchsorted(since_s, source_s), np.searchsorted(since_s, source_s + block_s)
    rows = np.concatenate([np.arange(low, high) for low, high in zip(first, last, strict=True)])
    arrival_s = np.maximum.accumulate(since_s[rows] + np.repeat(begin_s - source_s, last - first))
    return _renewed(trace.take(workload, rows, arrival_s=arrival_s), workload, rows)


def mean_block(requests: int) -> int:
    """Default mean block length in rows: a twentieth of the trace, at least 50, at most the trace."""
    return min(requests, max(SHORTEST_MEAN_BLOCK, round(requests / BLOCKS)))


def stationary(workload: trace.Workload, seed: int, *, block: int | None = None) -> trace.Workload:
    """A trace of as many requests, made of blocks of rows: Politis and Romano's stationary bootstrap (1994).

    Blocks begin at uniformly drawn rows, have geometric lengths of mean `block` (default `mean_block`) and wrap around
    at the end. A row keeps its prompt, output, priority and prefix chain, and the gap to the row after it; the last
    row's gap is the mean gap. The first request arrives at second 0; the duration varies with the gaps drawn.

    A prefix id that only one row has stands for content of its own: where that row is drawn again, the id is renewed,
    or else the copy would find its whole prompt in the cache.
    """
    count = workload.requests
    chance = np.random.Generator(np.random.PCG64DXSM(seed))
    rows = _rows(count, mean_block(count) if block is None else block, chance)
    gaps = np.diff(workload.arrival_s)
    gaps = np.append(gaps, gaps.mean() if count > 1 else 0.0)
    arrival_s = np.concatenate((np.zeros(1), np.cumsum(gaps[rows])[:-1]))
    return _renewed(trace.take(workload, rows, arrival_s=arrival_s), workload, rows)


def _rows(count: int, block: int, chance: np.random.Generator) -> npt.NDArray[np.int64]:
    begins = chance.random(count) < 1.0 / block
    begins[0] = True
    block_of = np.cumsum(begins) - 1
    first = chance.integers(0, count, int(block_of[-1]) + 1)
    since = np.arange(count) - np.flatnonzero(begins)[block_of]
    rows: npt.NDArray[np.int64] = (first[block_of] + since) % count
    return rows


def _renewed(drawn: trace.Workload, source: trace.Workload, rows: npt.NDArray[np.int64]) -> trace.Workload:
    ids, uses = np.unique(source.chain_ids, return_counts=True)
    if not len(ids):
        return drawn
    again = np.ones(len(rows), np.bool_)
    again[np.unique(rows, return_index=True)[1]] = False
    own = uses[np.searchsorted(ids, drawn.chain_ids)] == 1
    fresh = own & np.repeat(again, np.diff(drawn.chain_offsets))
    chain_ids = drawn.chain_ids.copy()
    chain_ids[fresh] = ids[-1] + 1 + np.arange(np.count_nonzero(fresh))
    return replace(drawn, chain_ids=chain_ids)


def burstier(workload: trace.Workload, seed: int) -> trace.Workload:
    """The same requests in busy and quiet spells: three times the rate in one as in the other, the duration kept.

    Spells alternate and last a geometric number of requests, 100 on average. Gaps are multiplied by 1/2 in busy spells
    and by 3/2 in quiet ones, then all by one factor that restores the duration.
    """
    gaps = np.diff(workload.arrival_s)
    if not gaps.sum() > 0:
        return workload
    chance = np.random.Generator(np.random.PCG64DXSM(seed))
    turns = np.cumsum(chance.random(len(gaps)) < 1.0 / SPELL_REQUESTS)
    busy = (turns + chance.integers(0, 2)) % 2 == 0
    quiet_factor = 2.0 * SPELL_CONTRAST / (1.0 + SPELL_CONTRAST)
    gaps = gaps * np.where(busy, quiet_factor / SPELL_CONTRAST, quiet_factor)
    gaps *= workload.duration_s / gaps.sum()
    arrival_s = workload.arrival_s[0] + np.concatenate((np.zeros(1), np.cumsum(gaps)))
    return replace(workload, arrival_s=arrival_s)

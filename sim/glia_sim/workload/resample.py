"""Other traces like this one: resampling of whole rows, and a burstier version."""

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

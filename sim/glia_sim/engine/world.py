"""Everything the replicas' kernels touch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from glia_sim.engine import handle, layout

Records = npt.NDArray[np.void]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shorts = npt.NDArray[np.int32]


class World(NamedTuple):
    """Arrays of one simulation; N requests, R replicas, P pickers, W widest batch, B widest block size."""

    req: Records  # [N] layout.REQUEST
    rep: Records  # [R] layout.REPLICA
    account: Records  # [P, R] layout.ACCOUNT
    running: Ints  # [R, W] requests of the running batch, in vLLM's order
    steps: Ints  # [R, 2, W] requests that sample in each step in flight
    phases: Ints  # [R, B] decoding requests by computed tokens modulo block size
    block: Records  # [R, blocks] layout.BLOCK, or [1, 1] without prefix caching
    table: Shorts  # [R, slots] from content to the oldest block that holds it, or [1, 1] without prefix caching
    arena: Ints  # block tables of all requests, or [1] without prefix caching
    chain: Ints  # prefix identities of all requests
    itl: Floats  # [buckets] tokens by gap to the token before
    ended: Ints  # [N] requests in the order they ended
    log: Floats  # [rows, 12] one row per step where a log is wanted, else [0, 12]
    preempted: Ints  # [rows, 2] (step, request) of each preemption where a log is wanted, else [0, 2]
    tally: Ints  # [TALLIES] counters below


ENDED, LOGGED, PREEMPTED, STUCK, CHUNK, FAULTS, TALLIES = range(7)
"""Entries of `World.tally`: ended requests, logged steps, logged preemptions, 1 + the replica that is stuck, tokens per
prefix chunk, policy faults."""

KIND = handle.declare(
    "World",
    {
        "req": (layout.REQUEST, 1),
        "rep": (layout.REPLICA, 1),
        "account": (layout.ACCOUNT, 2),
        "running": (np.int64, 2),
        "steps": (np.int64, 3),
        "phases": (np.int64, 2),
        "block": (layout.BLOCK, 2),
        "table": (np.int32, 2),
        "arena": (np.int64, 1),
        "chain": (np.int64, 1),
        "itl": (np.float64, 1),
        "ended": (np.int64, 1),
        "log": (np.float64, 2),
        "preempted": (np.int64, 2),
        "tally": (np.int64, 1),
    },
)

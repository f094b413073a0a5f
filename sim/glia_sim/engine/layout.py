"""Memory layout of a simulation: one record per request, per replica, and per (picker, replica).

Records keep what one decision touches in one or two cache lines, and let kernels pass one array instead of thirty.
Times are seconds on the workload's clock; counts of tokens and blocks are integers.
"""

from __future__ import annotations

import numpy as np

NOWHERE = -1

# States of a request.
COMING, HELD, WAITING, RUNNING, DONE, FAILED, ABORTED = range(7)

# Outcomes of a request, as `Run.status` reports them.
FINISHED, HOLD_TIMEOUT, CLIENT_TIMEOUT, UNFINISHED = range(4)

# States of a replica.
ABSENT, STARTING, SERVING, DRAINING = range(4)

# Orders of a replica's waiting queue.
BY_ARRIVAL, BY_PRIORITY, BY_PROMPT = range(3)

REQUEST = np.dtype(
    [
        # What every step reads or writes stands in the first 64 bytes.
        ("last_token", "f8"),
        ("priority", "f8"),  # vLLM's priority, lowest first
        ("prompt", "i4"),
        ("output", "i4"),
        ("delivered", "i4"),  # output tokens that have left the replica
        ("computed", "i4"),  # tokens whose KV exists or is scheduled
        ("in_flight", "i4"),  # sampled tokens not delivered yet (asynchronous scheduling only)
        ("scheduled", "i4"),  # tokens scheduled in the step being built
        ("held", "i4"),  # KV blocks
        ("hashed", "i4"),  # leading KV blocks that the prefix cache knows
        ("picker", "i4"),
        ("replica", "i4"),
        ("state", "i1"),
        ("status", "i1"),
        ("streaming", "i1"),
        ("arrival", "f8"),
        ("dispatch", "f8"),
        ("first_sched", "f8"),
        ("first_exec", "f8"),
        ("first_token", "f8"),
        ("finish", "f8"),
        ("key", "f8"),  # order in the waiting queue, lowest first
        ("preemptions", "i4"),
        ("cached", "i4"),  # prompt tokens found in the prefix cache at the first admission
        ("resume_cached", "i4"),  # tokens found in the prefix cache at later admissions
        ("sequence", "i4"),  # arrivals at the same picker before this one
        ("next", "i4"),  # waiting queue: list successor, or left child in a heap
        ("right", "i4"),  # waiting queue: right child in a heap
        ("recomputed", "i8"),  # tokens computed again after preemptions
        ("blocks", "i8"),  # start of this request's block table in the arena (prefix caching only)
        ("chain", "i8"),  # start of its prefix identity in the workload's chain
        ("shared", "i8"),  # leading prompt tokens whose content others may share
    ],
    align=True,
)

REPLICA = np.dtype(
    [
        # What vLLM was started with.
        ("block_size", "i8"),
        ("shift", "i8"),  # log2 of block_size
        ("usable", "i8"),  # KV blocks less the null block
        ("watermark", "i8"),  # blocks
        ("max_active", "i8"),
        ("max_batched", "i8"),
        ("max_len", "i8"),
        ("long_prefill", "i8"),
        ("reserve_full", "i8"),
        ("preempt_by_priority", "i8"),
        ("order", "i8"),
        ("depth", "i8"),  # steps in flight: 1 synchronous, 2 asynchronous
        ("caching", "i8"),
        # Step time, in seconds.
        ("floor_tokens", "f8"),
        ("base_s", "f8"),
        ("token_s", "f8"),
        ("kv_s", "f8"),
        ("context_s", "f8"),
        ("attention_s", "f8"),
        ("batch_s", "f8"),
        ("idle_s", "f8"),
        ("gpu", "f8"),
        ("gpus", "f8"),
        # The scheduler's state.
        ("free", "i8"),
        ("running", "i8"),
        ("waiting", "i8"),
        ("head", "i8"),
        ("tail", "i8"),
        ("front", "f8"),  # next key for a request put back at the front
        ("back", "f8"),  # next key for a request added at the back
        ("aborts", "i8"),  # running requests to drop before the next step
        # Steps in flight, oldest first.
        ("steps", "i8"),
        ("end0", "f8"),
        ("end1", "f8"),
        ("count0", "i8"),
        ("count1", "i8"),
        ("slot", "i8"),  # which half of the step lists holds the oldest step
        ("last_end", "f8"),
        ("step_s", "f8"),
        # A stretch of pure decoding, committed lazily.
        ("stretch", "i8"),  # planned steps, 0 when there is none
        ("cursor", "i8"),  # steps scheduled so far
        ("cursor_t", "f8"),  # when the last one was scheduled
        ("next_t", "f8"),  # when the next one is due
        ("cursor_kv", "f8"),  # context tokens after it
        ("batch", "i8"),  # requests in each of its steps
        ("landed", "i8"),  # steps that the next one may take, as the last one left it; 0 where that is not known
        # What happened.
        ("itl_sum", "f8"),
        ("itl_count", "f8"),
        ("block_seconds", "f8"),
        ("busy_s", "f8"),
        ("iterations", "i8"),
        ("preemptions", "i8"),
        ("bin_low", "f8"),
        ("bin_high", "f8"),
        ("bin", "i8"),
        # Life of the replica.
        ("state", "i8"),
        ("ready_t", "f8"),
        ("born_t", "f8"),
        ("gpu_s", "f8"),
        # Free list and hash table of the prefix cache.
        ("free_head", "i8"),
        ("free_tail", "i8"),
        ("table_mask", "i8"),
        # The last look-up for the head of the queue, good until a block that it met changes.
        ("looked_q", "i8"),
        ("looked_tokens", "i8"),
        ("looked_hits", "i8"),
        ("looked_unused", "i8"),
        ("looked_next", "u8"),  # content that would have been the next hit
        ("looked_epoch", "i4"),
    ],
    align=True,
)

ACCOUNT = np.dtype(
    [
        ("in_flight", "i8"),
        ("started", "i8"),
        ("waiting_tokens", "i8"),
        ("running_blocks", "i8"),  # blocks that requests in the running batch fill, as far as is known
        ("fresh", "i8"),  # whether running_blocks is up to date
        ("waiting_blocks", "i8"),  # blocks that requests in the replica's waiting queue will need, as far as is known
    ],
    align=True,
)
"""What one picker knows of one replica from its own dispatches."""

STEP_COLUMNS = (
    "t_sched_s",
    "dt_s",
    "sched_tokens",
    "prefill_tokens",
    "sched_reqs",
    "kv_tokens",
    "running",
    "waiting",
    "used_blocks",
    "preempted",
    "new",
    "resumed",
)

# Inter-token gaps: 64 linear buckets per octave from 2**-20 s to 2**14 s, at most 1.6 % wide.
ITL_LOW_EXPONENT = -20
ITL_OCTAVES = 34
ITL_STEPS = 64
ITL_EDGES_S = np.concatenate(
    [np.ldexp(1.0 + np.arange(ITL_STEPS) / ITL_STEPS, ITL_LOW_EXPONENT + octave) for octave in range(ITL_OCTAVES)]
    + [np.array([2.0 ** (ITL_LOW_EXPONENT + ITL_OCTAVES)])]
)

BLOCK = np.dtype(
    [
        ("key", "u8"),  # content of the block, 0 while the prefix cache does not know it
        ("users", "i4"),
        ("met", "i4"),  # look-up that met this block last
        ("free_before", "i4"),
        ("free_after", "i4"),
        ("twin", "i4"),  # next younger block with the same content
        ("chained", "i4"),  # of the oldest with its content: the next such block that the table has in the same place
    ],
    align=True,
)

"""From a fleet, a workload and a policy to the arrays of one simulation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from glia_sim.engine import control, layout, world
from glia_sim.policy import fields

if TYPE_CHECKING:
    import numpy.typing as npt

    from glia_sim import fleet as fleets
    from glia_sim.policy import compile as programs
    from glia_sim.workload import trace

SCRAPED_LIVE = frozenset({"replica.age_s", "replica.committed_blocks"})
PERFECT_LIVE = frozenset({"replica.kv_used", "replica.step_ms", "replica.committed_blocks"})
TELEMETRY_S = 15.0
"""Prometheus step: how often scraped output lengths are read anew."""
TIMELINE_ROWS = 20_000
_MS = 1e-3


def _requests(workload: trace.Workload, fleet: fleets.Fleet) -> npt.NDArray[np.void]:
    n = workload.requests
    req = np.zeros(n, layout.REQUEST)
    for name in ("dispatch", "first_sched", "first_exec", "first_token", "last_token", "finish"):
        req[name] = math.nan
    req["arrival"] = workload.arrival_s
    req["prompt"] = workload.prompt_tokens
    req["output"] = workload.output_tokens
    req["priority"] = workload.priority
    req["replica"] = layout.NOWHERE
    req["picker"] = np.arange(n) % fleet.router.pickers
    req["status"] = layout.UNFINISHED
    req["chain"] = workload.chain_offsets[:-1]
    req["shared"] = workload.shared_tokens
    share = fleet.clients.streaming_share
    req["streaming"] = 1 if share >= 1.0 else uniform(n, salt=3) < share
    return req


def uniform(n: int, salt: int) -> npt.NDArray[np.float64]:
    """Uniform numbers of requests 0..n-1, from a hash of their ids."""
    state = np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return (state ^ (state >> np.uint64(31))).astype(np.float64) / 2.0**64


def fill_replicas(rep: npt.NDArray[np.void], group: fleets.Group, *, caching: bool, priority: bool) -> None:
    """Fill the records of one group's replicas with its settings; all KV blocks are free."""
    engine, step = group.engine, group.step
    rep["block_size"] = engine.block_size
    rep["shift"] = engine.block_size.bit_length() - 1  # vLLM's block sizes are powers of two
    rep["usable"] = rep["free"] = engine.num_blocks - 1
    rep["watermark"] = int(engine.watermark * engine.num_blocks)
    rep["max_active"] = min(engine.max_num_seqs, engine.max_num_active_seqs or engine.max_num_seqs)
    rep["max_batched"] = engine.max_num_batched_tokens
    rep["max_len"] = engine.max_model_len
    rep["long_prefill"] = engine.long_prefill_token_threshold
    rep["reserve_full"] = engine.reserve_full_isl
    by_priority = priority or engine.scheduling_policy == "priority"
    rep["preempt_by_priority"] = by_priority
    rep["order"] = layout.BY_PRIORITY if by_priority else layout.BY_ARRIVAL
    rep["depth"] = 2 if engine.async_scheduling else 1
    rep["caching"] = caching
    rep["floor_tokens"] = step.floor_tokens
    for name in ("base", "token", "kv", "attention", "batch", "idle"):
        rep[f"{name}_s"] = getattr(step, f"{name}_ms") * _MS
    rep["gpu"] = fields.GPU_CLASSES[group.gpu]
    rep["gpus"] = group.gpus


def _slots(fleet: fleets.Fleet) -> list[tuple[int, int, int]]:
    """Of each group: its first slot, one past its last, and how many of them serve at the start."""
    slots = []
    first = 0
    for index, group in enumerate(fleet.groups):
        size = serving = group.count
        if fleet.autoscaler is not None and fleet.autoscaler.group == index:
            serving = group.count if fleet.autoscaler.initial is None else fleet.autoscaler.initial
            size = max(fleet.autoscaler.max_replicas, serving)
        slots.append((first, first + size, serving))
        first += size
    return slots


def _replicas(fleet: fleets.Fleet, *, prefixes: bool, priority: bool, born: float) -> npt.NDArray[np.void]:
    slots = _slots(fleet)
    rep = np.zeros(slots[-1][1], layout.REPLICA)
    rep["head"] = rep["tail"] = rep["looked_q"] = layout.NOWHERE
    rep["ready_t"] = math.inf
    for group, (first, last, serving) in zip(fleet.groups, slots, strict=True):
        wanted = group.engine.prefix_caching
        caching = prefixes if wanted is None else wanted
        fill_replicas(rep[first:last], group, caching=caching, priority=priority)
        rep["state"][first : first + serving] = layout.SERVING
        rep["born_t"][first : first + serving] = born
    return rep


def table_slots(blocks: int) -> int:
    """Slots of the table from content to block: a power of two, at least two for each block."""
    return 1 << (2 * blocks - 1).bit_length()


def _cache(
    rep: npt.NDArray[np.void], req: npt.NDArray[np.void]
) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Block records, hash tables and the arena of block tables; one element each where nothing is cached."""
    if not rep["caching"].any():
        return np.zeros((1, 1), layout.BLOCK), np.zeros((1, 1), np.int32), np.zeros(1, np.int64)
    widest = int(rep["usable"].max()) + 1
    slots = table_slots(widest)
    rep["table_mask"] = slots - 1
    size = int(rep["block_size"].min())
    needed = (req["prompt"].astype(np.int64) + req["output"] + size - 1) // size
    req["blocks"] = np.cumsum(needed) - needed
    block = np.zeros((len(rep), widest), layout.BLOCK)
    table = np.zeros((len(rep), slots), np.int32)
    return block, table, np.zeros(int(needed.sum()), np.int64)


def _chain(workload: trace.Workload) -> tuple[npt.NDArray[np.int64], int]:
    """Prefix ids as small numbers, and how many there may be."""
    ids = workload.chain_ids
    if len(ids) == 0:
        return np.zeros(1, np.int64), 1
    if int(ids.max()) < 4 * len(ids):
        return ids, int(ids.max()) + 1
    known, dense = np.unique(ids, return_inverse=True)
    return np.ascontiguousarray(dense, np.int64), len(known)


def make_world(fleet: fleets.Fleet, workload: trace.Workload, *, priority: bool, log_rows: int = 0) -> world.World:
    """Arrays of the replicas and requests before the first event.

    Args:
        fleet: checked against the workload.
        workload: n requests.
        priority: whether a batch-scheduler program sets priorities, so that replicas schedule by them.
        log_rows: room for this many logged steps.
    """
    req = _requests(workload, fleet)
    born = float(workload.arrival_s[0])
    rep = _replicas(fleet, prefixes=workload.has_prefixes, priority=priority, born=born)
    block, table, arena = _cache(rep, req)
    widest = int(rep["max_active"].max())
    tally = np.zeros(world.TALLIES, np.int64)
    tally[world.CHUNK] = workload.chunk_tokens
    return world.World(
        req=req,
        rep=rep,
        account=np.zeros((fleet.router.pickers, len(rep)), layout.ACCOUNT),
        running=np.zeros((len(rep), widest), np.int64),
        steps=np.zeros((len(rep), 2, widest), np.int64),
        phases=np.zeros((len(rep), int(rep["block_size"].max())), np.int64),
        block=block,
        table=table,
        arena=arena,
        chain=_chain(workload)[0],
        itl=np.zeros(len(layout.ITL_EDGES_S) - 1),
        ended=np.zeros(len(req), np.int64),
        log=np.zeros((log_rows, len(layout.STEP_COLUMNS))),
        preempted=np.zeros((log_rows, 2), np.int64),
        tally=tally,
    )


def _flags(program: programs.Program | None, fleet: fleets.Fleet) -> npt.NDArray[np.int64]:
    flags = np.zeros(control.FLAGS, np.int64)
    flags[control.STATIC_ORDER] = 1
    flags[control.SEES_ALL] = fleet.router.pickers == 1 and fleet.clients.streaming_share >= 1.0
    if program is None:
        return flags
    live = program.reads & (PERFECT_LIVE if fleet.router.views == "perfect" else SCRAPED_LIVE)
    flags[control.HAS_ORDER] = program.has_order
    flags[control.STATIC_ORDER] = program.order_is_static or not program.has_order
    flags[control.STEADY_ORDER] = program.order_is_steady
    flags[control.HAS_SCORE] = program.has_score
    flags[control.HAS_PRIORITY] = program.has_scheduler
    flags[control.HAS_AUTOSCALER] = program.has_autoscaler
    flags[control.READS_LIVE] = bool(live)
    flags[control.READS_COMMITTED] = "replica.committed_blocks" in program.reads
    flags[control.READS_FLEET] = any(name.startswith("fleet.") for name in program.reads)
    flags[control.READS_OUTPUTS] = any(name.startswith("fleet.output_") for name in program.reads)
    flags[control.READS_PREFIX] = "replica.prefix_hit_tokens" in program.reads
    flags[control.READS_DRAWS] = bool(program.reads & {"request.u1", "request.u2"})
    return flags


def _clock(fleet: fleets.Fleet, *, begin: float, scales: bool, timeline_s: float | None) -> npt.NDArray[np.void]:
    clock = np.zeros(1, control.CLOCK)
    router, scaler = fleet.router, fleet.autoscaler
    clock["hold_ttl_s"] = math.inf if router.hold_ttl_s is None else router.hold_ttl_s
    clock["client_timeout_s"] = math.inf if fleet.clients.timeout_s is None else fleet.clients.timeout_s
    clock["scrape_s"] = router.scrape_interval_s if router.views == "scraped" else 0.0
    clock["refresh_s"] = router.scrape_interval_s
    clock["telemetry_s"] = TELEMETRY_S
    clock["next_telemetry"] = begin
    clock["next_autoscale"] = clock["next_ready"] = clock["next_timeline"] = math.inf
    clock["last_scale"] = clock["begin"] = begin
    clock["ageing"] = math.nan
    clock["wanted"] = sum(serving for _, _, serving in _slots(fleet))
    if timeline_s is not None:
        clock["timeline_s"] = timeline_s
        clock["next_timeline"] = begin
    if scaler is not None and scales:
        clock["autoscale_s"] = scaler.interval_s
        clock["next_autoscale"] = begin + scaler.interval_s
        clock["startup_s"] = scaler.startup_s
        clock["min_replicas"], clock["max_replicas"] = scaler.min_replicas, scaler.max_replicas
        clock["scaled_first"], clock["scaled_last"], clock["wanted"] = _slots(fleet)[scaler.group]
    return clock


def make_control(
    fleet: fleets.Fleet, workload: trace.Workload, program: programs.Program | None, *, timeline_s: float | None = None
) -> control.Control:
    """Arrays of the pickers and the autoscaler before the first event; `program` None routes to the least loaded."""
    n, pickers, begin = workload.requests, fleet.router.pickers, float(workload.arrival_s[0])
    replicas = _slots(fleet)[-1][1]
    flags = _flags(program, fleet)
    picker = np.zeros(pickers + 1, control.PICKER)
    picker["next_scrape"] = begin + fleet.router.scrape_interval_s * np.arange(pickers + 1) / pickers
    scrape = np.zeros((pickers + 1, replicas), control.SCRAPE)
    scrape["t"] = begin
    estimates = (pickers, replicas, _chain(workload)[1]) if flags[control.READS_PREFIX] else (1, 1, 1)
    return control.Control(
        picker=picker,
        scrape=scrape,
        clock=_clock(fleet, begin=begin, scales=bool(flags[control.HAS_AUTOSCALER]), timeline_s=timeline_s),
        views=np.zeros((pickers + 1, replicas, len(fields.REPLICA))),
        fleet=np.zeros((pickers + 1, fields.FLEET_WIDTH)),
        request=np.zeros(len(fields.REQUEST)),
        scores=np.zeros(replicas),
        held_key=np.zeros((pickers, n // pickers + 1)),
        held_q=np.zeros((pickers, n // pickers + 1), np.int64),
        stash=np.zeros(n, np.int64),
        row_slot=np.zeros(replicas, np.int64),
        slot_row=np.full(replicas, -1, np.int64),
        dirty=np.zeros(replicas, np.int64),
        is_dirty=np.zeros(replicas, np.int64),
        outputs=np.zeros(32),
        output_stats=np.full(4, 256.0),
        sent=np.zeros(estimates[:2]),
        prefix_at=np.full(estimates, -1.0),
        values=np.zeros(1) if program is None else program.values,
        fault=np.zeros(1, np.int64),
        flags=flags,
        heap=np.arange(replicas),
        place=np.arange(replicas),
        due=np.full(replicas, math.inf),
        kind=np.zeros(replicas, np.int64),
        timeline=np.zeros((TIMELINE_ROWS if timeline_s else 0, 3 + 3 * replicas)),
    )

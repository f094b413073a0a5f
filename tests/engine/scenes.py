"""Random small fleets and workloads for the second witness.

With `exact` every duration and arrival is a multiple of a power of two: events fall on the same instants, and nothing
is rounded.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from glia_sim import fleet, hardware
from glia_sim.workload import trace

TICK_MS = 1000.0 / 1024.0


def machines(rng, *, exact):
    groups = [_group(rng, exact=exact) for _ in range(rng.choice([1, 1, 1, 2]))]
    router = fleet.Router(
        views=rng.choice(["perfect", "scraped"]),
        scrape_interval_s=rng.choice([0.125, 0.25, 0.5] if exact else [0.2, 0.13]),
        pickers=rng.choice([1, 1, 2, 3]),
        hold_ttl_s=rng.choice([None, None, 0.5, 2.0]),
    )
    clients = fleet.Clients(
        timeout_s=rng.choice([None, None, 1.0, 4.0]), streaming_share=rng.choice([1.0, 1.0, 0.5, 0.0])
    )
    scaler = _scaler(rng, groups) if rng.random() < 0.4 else None
    return fleet.Fleet(name="random", groups=tuple(groups), router=router, clients=clients, autoscaler=scaler)


def impatient(shape):
    """The same machines with clients that give up: a policy that holds for ever would be looked at for an hour."""
    patient = shape.router.hold_ttl_s is None and shape.clients.timeout_s is None
    return dataclasses.replace(shape, clients=dataclasses.replace(shape.clients, timeout_s=4.0)) if patient else shape


def _group(rng, *, exact):
    budget = rng.choice([16, 32, 64, 256])
    engine = fleet.Engine(
        num_blocks=rng.choice([24, 32, 48, 200]),
        block_size=rng.choice([4, 8, 16]),
        max_num_seqs=min(budget, rng.choice([2, 4, 8, 32])),
        max_num_batched_tokens=budget,
        scheduling_policy=rng.choice(["fcfs", "fcfs", "priority"]),
        prefix_caching=rng.choice([None, None, True, False]),
        async_scheduling=rng.choice([False, True]),
        watermark=rng.choice([0.0, 0.0, 0.05, 0.2]),
        reserve_full_isl=rng.choice([True, True, False]),
        long_prefill_token_threshold=rng.choice([0, 0, 0, 8, 32]),
        max_num_active_seqs=rng.choice([None, None, 1, 3]),
        max_model_len=4096,
    )
    return fleet.Group(
        gpu=rng.choice(["A10", "H100"]),
        model="any",
        tensor_parallel=rng.choice([1, 2]),
        count=rng.choice([1, 2, 3]),
        engine=engine,
        step=_exact_step(rng) if exact else _step(rng),
    )


def _exact_step(rng):
    return hardware.StepTime(
        floor_tokens=rng.choice([0, 8]),
        base_ms=rng.choice([4, 8, 16]) * TICK_MS,
        token_ms=rng.choice([0, 1 / 16]) * TICK_MS,
        kv_ms=rng.choice([0, 1 / 256]) * TICK_MS,
        attention_ms=rng.choice([0, 1 / 1024]) * TICK_MS,
        batch_ms=rng.choice([0, 1 / 8]) * TICK_MS,
        idle_ms=TICK_MS,
    )


def _step(rng):
    return hardware.StepTime(
        floor_tokens=rng.choice([0, 8]),
        base_ms=rng.choice([5.3, 12.7, 31.2]),
        token_ms=rng.choice([0.0193, 0.2225]),
        kv_ms=rng.choice([2.73e-4, 0.0071]),
        attention_ms=rng.choice([8.7e-6, 7.3e-4]),
        batch_ms=rng.choice([0.0, 0.017]),
    )


def _scaler(rng, groups):
    group = rng.randrange(len(groups))
    low = rng.choice([1, 1, 2])
    high = low + rng.choice([0, 1, 3])
    initial = rng.choice([None, low, high])
    if initial is None:
        groups[group] = dataclasses.replace(groups[group], count=low)
    return fleet.Autoscaler(
        min_replicas=low,
        max_replicas=high,
        interval_s=rng.choice([0.25, 1.0]),
        startup_s=rng.choice([0.125, 0.5, 2.0]),
        initial=initial,
        group=group,
    )


def requests(rng, room, *, exact):
    """Up to 40 requests, none of more than `room` tokens, some with shared prefixes."""
    count = rng.choice([1, 5, 20, 40])
    span, begin = rng.choice([0.5, 2, 8]), rng.choice([0.0, 0.0, 100.0])
    largest = min(room, rng.choice([40, 120, 300]))
    arrivals = sorted(rng.randrange(int(span * 64)) / 64 for _ in range(count))
    if not exact:
        arrivals = [0.93 * arrival for arrival in arrivals]
    prompts, outputs = [], []
    for _ in range(count):
        total = rng.randint(2, largest)
        prompts.append(rng.randint(1, total - 1))
        outputs.append(total - prompts[-1])
    shares = rng.choice([False, False, True])
    groups = [rng.choice([-1, 0, 1, 2]) if shares else -1 for _ in range(count)]
    shared = [rng.randint(0, prompt) if shares else 0 for prompt in prompts]
    priorities = [rng.randint(0, 3) for _ in range(count)]
    columns = (np.array(column, np.int64) for column in (prompts, outputs, priorities, groups, shared))
    return trace.grouped("random", np.array(arrivals) + begin, *columns)


def room(shape):
    """Tokens of the largest request that every group can hold."""
    return min((group.engine.num_blocks - 1) * group.engine.block_size for group in shape.groups)

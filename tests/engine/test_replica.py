"""A replica stepped from outside is the very replica that simulations run."""

from __future__ import annotations

import math

import numpy as np
import pytest

from glia_sim import fleet
from glia_sim.engine import replica
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import trace

CONFIGURATIONS = {
    "synchronous": {},
    "asynchronous": {"async_scheduling": True},
    "priority": {"scheduling_policy": "priority", "async_scheduling": True},
    "cached": {"prefix_caching": True, "async_scheduling": True},
    "chunked": {"max_num_batched_tokens": 256, "long_prefill_token_threshold": 100},
}


def _workload(requests=150, *, rate=6.0, shared=0):
    chance = np.random.default_rng(7)
    prompt = chance.integers(1, 600, requests)
    group = chance.integers(0, 5, requests) if shared else np.full(requests, -1)
    return trace.grouped(
        "test",
        np.cumsum(chance.exponential(1 / rate, requests)),
        prompt,
        chance.integers(1, 200, requests),
        chance.integers(-3, 4, requests),
        group,
        np.minimum(shared, prompt) if shared else np.zeros(requests, np.int64),
    )


class Witness:
    """Feeds a workload to a replica and notes first tokens, ends, preemptions and cached tokens."""

    def __init__(self, group, workload, *, timeout_s=math.inf):
        self.engine = replica.Replica(group)
        self.row = {}
        self.first = np.full(workload.requests, math.nan)
        self.finish = np.full(workload.requests, math.nan)
        self.tokens = np.zeros(workload.requests, int)
        self.cached = np.zeros(workload.requests, int)
        self.preemptions = np.zeros(workload.requests, int)
        self.number = {}
        size = group.engine.block_size
        give_up = [(t + timeout_s, row) for row, t in enumerate(workload.arrival_s)] if timeout_s < math.inf else []
        events = sorted([*((t, 0, row) for row, t in enumerate(workload.arrival_s)), *((t, 1, r) for t, r in give_up)])
        for t, kind, row in events:
            self.take(self.engine.advance(t, arriving=True))
            if kind == 0:
                self.submit(t, row, workload, size)
            elif row in self.number:
                self.engine.abort(t, self.number.pop(row))
        while self.engine.due < math.inf:
            self.take(self.engine.advance(self.engine.due))

    def submit(self, t, row, workload, size):
        prompt, output = int(workload.prompt_tokens[row]), int(workload.output_tokens[row])
        content = np.arange((prompt + output) // size) + 1000 * (row + 1)
        whole = int(workload.shared_tokens[row]) // size
        if whole:
            content[:whole] = np.arange(whole) + 10**6 * (1 + int(workload.chain_ids[workload.chain_offsets[row]]))
        order = replica.Order(
            prompt_tokens=prompt, output_tokens=output, priority=int(workload.priority[row]), content=content
        )
        number = self.engine.submit(t, order)
        self.row[number] = row
        self.number[row] = number

    def take(self, steps):
        for step in steps:
            for number in step.tokens:
                row = self.row[number]
                self.tokens[row] += 1
                if self.tokens[row] == 1:
                    self.first[row] = step.t
            for number in step.finished:
                row = self.row[number]
                self.finish[row] = step.t
                self.cached[row] = self.engine.record(number)["cached"]
                self.preemptions[row] = self.engine.record(number)["preemptions"]
                del self.number[row]


def _simulated(group, workload, *, timeout_s=None):
    machines = fleet.Fleet(name="one", groups=(group,), clients=fleet.Clients(timeout_s=timeout_s))
    return runs.simulate(machines, workload, programs.compile(document.load("random")))


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_times_are_those_of_the_simulation_to_the_last_bit(single, name):
    group = single(num_blocks=200, max_model_len=2000, **CONFIGURATIONS[name]).groups[0]
    workload = _workload(shared=160 if name == "cached" else 0)
    expected, found = _simulated(group, workload), Witness(group, workload)
    assert np.array_equal(found.first, expected.first_token_s)
    assert np.array_equal(found.finish, expected.finish_s)
    assert np.array_equal(found.preemptions, expected.preemptions)
    assert np.array_equal(found.tokens, workload.output_tokens)
    assert expected.preemptions.sum() > 0
    if name == "cached":
        assert np.array_equal(found.cached, expected.cached_tokens)
        assert expected.cached_tokens.sum() > 0


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_aborts_are_those_of_the_simulation(single, name):
    group = single(num_blocks=200, max_model_len=2000, **CONFIGURATIONS[name]).groups[0]
    workload = _workload(rate=12.0, shared=160 if name == "cached" else 0)
    expected, found = _simulated(group, workload, timeout_s=20.0), Witness(group, workload, timeout_s=20.0)
    finished = expected.status == runs.FINISHED
    assert 0 < finished.sum() < workload.requests
    assert np.array_equal(~np.isnan(found.finish), finished)
    assert np.array_equal(found.finish[finished], expected.finish_s[finished])
    assert np.array_equal(found.first, expected.first_token_s, equal_nan=True)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_after_the_last_request_nothing_is_held(single, name):
    group = single(num_blocks=200, max_model_len=2000, **CONFIGURATIONS[name]).groups[0]
    found = Witness(group, _workload(rate=12.0), timeout_s=20.0)
    assert found.engine.gauges == replica.Gauges(running=0, waiting=0, kv_used=0.0)
    assert found.engine.due == math.inf


def test_records_are_used_again_and_grow_in_number_only_with_the_queue(single):
    group = single(num_blocks=2000, prefix_caching=True, max_model_len=2000).groups[0]
    engine = replica.Replica(group)
    order = replica.Order(prompt_tokens=16, output_tokens=1)
    few = set()
    for k in range(3000):
        list(engine.advance(float(k), arriving=True))
        few.add(engine.submit(float(k), order))
    assert len(few) < replica.FIRST_RECORDS
    many = {engine.submit(3000.0, order) for _ in range(3 * replica.FIRST_RECORDS)}
    assert len(many) == 3 * replica.FIRST_RECORDS


def test_a_request_in_a_used_record_does_not_inherit_cached_blocks(single):
    group = single(num_blocks=100, prefix_caching=True, max_model_len=1000).groups[0]
    engine = replica.Replica(group)
    cached = []
    for k in range(20):
        list(engine.advance(10.0 * k, arriving=True))
        content = np.arange(4) + 100 * (k // 2)
        number = engine.submit(10.0 * k, replica.Order(prompt_tokens=65, output_tokens=1, content=content))
        list(engine.advance(10.0 * k + 9.0))
        cached.append(int(engine.record(number)["cached"]))
    assert cached == [0, 64] * 10


def _ends(group, disturbance):
    engine = replica.Replica(group, disturbance=disturbance)
    engine.submit(0.0, replica.Order(prompt_tokens=1, output_tokens=2000))
    return np.array([step.t for step in engine.advance(1e6)])


def test_a_disturbed_replica_keeps_its_mean_and_repeats_itself(single):
    group = single(num_blocks=2000, max_model_len=4000).groups[0]
    plain = _ends(group, replica.Disturbance())
    noisy = _ends(group, replica.Disturbance(seed=3, spread=0.2))
    gaps = np.diff(noisy)
    assert np.array_equal(noisy, _ends(group, replica.Disturbance(seed=3, spread=0.2)))
    assert not np.array_equal(noisy, _ends(group, replica.Disturbance(seed=4, spread=0.2)))
    assert gaps.mean() == pytest.approx(np.diff(plain).mean(), rel=0.02)
    assert np.log(gaps).std() == pytest.approx(0.2, rel=0.1)


def test_stalls_come_about_as_often_as_asked(single):
    group = single(num_blocks=2000, max_model_len=4000).groups[0]
    gaps = np.diff(_ends(group, replica.Disturbance(seed=1, stall_every_s=5.0, stall_s=2.0)))
    stalled = gaps > 2.0
    assert gaps[stalled] == pytest.approx(2.1)
    assert stalled.sum() == pytest.approx(200.0 / 5.0, rel=0.4)

"""The laws of queues hold: waits, conservation, capacity."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from glia_sim import fleet_file
from glia_sim.engine import build, loop
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers


def _poisson(seed, count, rate):
    return np.cumsum(np.random.default_rng(seed).exponential(1.0 / rate, count))


def test_a_single_server_with_constant_service_waits_as_m_d_1(single, serve):
    load, service = 0.7, 0.1 * 10
    arrivals = _poisson(1, 60_000, load / service)
    run = serve(single(max_num_seqs=1), arrivals, np.ones(60_000), np.full(60_000, 10))
    wait = (run.first_exec_s - run.arrival_s).mean()
    assert wait == pytest.approx(load * service / (2 * (1 - load)), rel=0.05)


def test_a_single_server_with_geometric_service_waits_as_m_m_1(single, serve):
    load, mean = 0.6, 40.0
    outputs = np.random.default_rng(2).geometric(1.0 / mean, 60_000)
    service = outputs * 0.01
    arrivals = _poisson(3, 60_000, load / (mean * 0.01))
    run = serve(single(base_ms=10.0, max_num_seqs=1), arrivals, np.ones(60_000), outputs)
    wait = (run.first_exec_s - run.arrival_s).mean()
    expected = (load / service.mean()) * np.mean(service**2) / (2 * (1 - load))
    assert wait == pytest.approx(expected, rel=0.08)
    assert wait == pytest.approx(load * mean * 0.01 / (1 - load), rel=0.1)


def test_requests_in_the_system_are_arrival_rate_times_time_in_it(single, serve):
    arrivals = _poisson(4, 20_000, 6.0)
    run = serve(single(count=2, max_num_seqs=4), arrivals, np.ones(20_000), np.full(20_000, 10))
    stay = run.finish_s - run.arrival_s
    moments = np.linspace(arrivals[500], arrivals[-500], 4_000)
    inside = [np.count_nonzero((run.arrival_s <= t) & (run.finish_s > t)) for t in moments]
    rate = 20_000 / (arrivals[-1] - arrivals[0])
    assert np.mean(inside) == pytest.approx(rate * stay.mean(), rel=0.05)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("caching", [False, True])
@pytest.mark.parametrize("timeout_s", [None, 40.0])
def test_every_request_ends_once_and_every_block_comes_back(asynchronous, caching, timeout_s):
    fleet = fleet_file.load("paper-a10x4")
    group = fleet.groups[0]
    engine = dataclasses.replace(group.engine, num_blocks=600, async_scheduling=asynchronous, prefix_caching=caching)
    fleet = dataclasses.replace(
        fleet,
        groups=(dataclasses.replace(group, engine=engine),),
        clients=dataclasses.replace(fleet.clients, timeout_s=timeout_s),
    )
    workload = readers.read("synthetic:paper?requests=500&rate=12&seed=5")
    program = programs.compile(document.load("hra-spf-aged"))
    w = build.make_world(fleet, workload, priority=False)
    c = build.make_control(fleet, workload, program)
    loop.simulate(w, c, program.order, program.score, program.priority, program.replicas)
    assert sorted(w.ended.tolist()) == list(range(workload.requests))
    assert w.rep["preemptions"].sum() > 0
    finished = w.req["status"] == 0
    assert np.array_equal(w.req["delivered"][finished], w.req["output"][finished])
    idle = (w.rep["running"] == 0) & (w.rep["aborts"] == 0)
    assert idle.any()
    assert np.array_equal(w.rep["free"][idle], w.rep["usable"][idle])
    assert not w.account["in_flight"].any()
    assert not w.account["waiting_tokens"].any()
    assert not w.account["waiting_blocks"].any()
    assert finished.all() == (timeout_s is None)


def test_more_replicas_more_memory_and_faster_steps_never_hurt(single, serve):
    arrivals = _poisson(6, 3_000, 8.0)
    prompts = np.random.default_rng(7).integers(1, 400, 3_000)
    outputs = np.random.default_rng(8).integers(1, 200, 3_000)

    def mean(**settings):
        run = serve(single(**{"base_ms": 20.0, "count": 2, "num_blocks": 400, **settings}), arrivals, prompts, outputs)
        return (run.finish_s - run.arrival_s).mean()

    base = mean()
    crowded = mean(max_num_seqs=8)
    assert mean(count=4, max_num_seqs=8) < crowded
    assert mean(num_blocks=4_000) <= base
    assert mean(base_ms=10.0) < base

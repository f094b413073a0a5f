"""The engine and a plain-Python fleet that shares no code with it tell the same story of every request.

GLIA_EXAMPLES=2000 searches longer, and afresh each time.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import math
import os
import pathlib
import random

import hypothesis
import numpy as np
import probes
import pytest
import scenes
import witness
import witness_replica
from hypothesis import strategies as st

from glia_sim import fleet, oracle
from glia_sim.engine import run as runs
from glia_sim.policy import catalogue, document
from glia_sim.policy import compile as programs
from glia_sim.workload import readers

EXAMPLES = int(os.environ.get("GLIA_EXAMPLES") or 0)
TOLERANCE = 1e-9
SPARSE = 6
OUTCOMES = {"finished": runs.FINISHED, "hold timeout": runs.HOLD_TIMEOUT, "client timeout": runs.CLIENT_TIMEOUT}
RECORDS = {
    "dispatch_s": "reached",
    "first_exec_s": "first_exec",
    "first_token_s": "first_token",
    "finish_s": "finish",
    "replica": "replica",
    "picker": "picker",
    "preemptions": "preemptions",
    "cached_tokens": "cached",
}


def searching(examples):
    return hypothesis.settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


def assert_same(shape, workload, policy):
    fleet.check(shape, workload)
    run = runs.simulate(shape, workload, programs.compile(policy))
    seen = witness.Fleet(shape, workload, policy).run()
    assert [OUTCOMES.get(one.status, runs.UNFINISHED) for one in seen.requests] == run.status.tolist()
    for ours, theirs in RECORDS.items():
        expected = np.array([getattr(one, theirs) for one in seen.requests], float)
        np.testing.assert_allclose(getattr(run, ours), expected, rtol=0, atol=TOLERANCE, err_msg=ours)
    assert run.makespan_s == pytest.approx(seen.progress - seen.begin, abs=TOLERANCE)
    assert run.gpu_hours == pytest.approx(seen.gpu_hours(), abs=TOLERANCE)
    assert run.iterations == sum(one.iterations for one in seen.replicas)
    assert run.policy_faults == seen.policy_faults
    capacity = sum(one.busy_s * one.scheduler.blocks.usable for one in seen.replicas)
    used = sum(one.block_s for one in seen.replicas)
    assert run.kv_used_mean == pytest.approx(used / capacity if capacity else 0.0, abs=TOLERANCE)


SEEDS = st.integers(0, 2**32)


@searching(250)
@hypothesis.given(SEEDS, st.sampled_from(catalogue.names()))
def test_catalogue_policies_do_the_same_where_many_things_happen_at_once(seed, name):
    rng = random.Random(seed)  # noqa: S311  # scenes, not secrets
    shape = scenes.machines(rng, exact=True)
    assert_same(shape, scenes.requests(rng, scenes.room(shape), exact=True), document.load(name))


@searching(150)
@hypothesis.given(SEEDS, st.sampled_from(catalogue.names()))
def test_catalogue_policies_do_the_same_with_measured_step_times(seed, name):
    rng = random.Random(seed)  # noqa: S311  # as above
    shape = scenes.machines(rng, exact=False)
    assert_same(shape, scenes.requests(rng, scenes.room(shape), exact=False), document.load(name))


@searching(200)
@hypothesis.given(SEEDS)
def test_every_field_of_every_view_leads_to_the_same_decisions(seed):
    rng = random.Random(seed)  # noqa: S311  # as above
    shape = scenes.impatient(scenes.machines(rng, exact=True))
    policy = document.with_values(probes.whole(), probes.values(rng))
    assert_same(shape, scenes.requests(rng, scenes.room(shape), exact=True), policy)


@searching(60)
@hypothesis.given(SEEDS, st.integers(0, (EXAMPLES or SPARSE) - 1))
def test_what_the_engine_leaves_out_for_a_policy_that_reads_little_is_not_missed(seed, which):
    """Few policies serve many scenes, because each is compiled."""
    rng = random.Random(seed)  # noqa: S311  # as above
    shape = scenes.impatient(scenes.machines(rng, exact=True))
    policy = probes.sparse(random.Random(which))  # noqa: S311  # as above
    assert_same(shape, scenes.requests(rng, scenes.room(shape), exact=True), policy)


FIXTURES = pathlib.Path(__file__).parents[1] / "oracle" / "fixtures"


def replay(settings, workload):
    """The witness's scheduler alone on the ground truth's clock."""
    group = oracle._fleet(settings).groups[0]
    requests = witness._requests(oracle._fleet(settings), workload)
    by_priority = group.engine.scheduling_policy == "priority"
    scheduler = witness_replica.Scheduler(
        group.engine, caching=bool(group.engine.prefix_caching), by_priority=by_priority
    )
    coming, steps, log, now, free_at = list(requests), [], [], 0.0, 0.0
    while coming or steps or scheduler.running or scheduler.waiting:
        while coming and coming[0].arrival <= now:
            coming[0].status, coming[0].reached = "dispatched", coming[0].arrival
            scheduler.add(coming.pop(0))
        if not (steps or scheduler.running or scheduler.waiting):
            now = coming[0].arrival
        elif len(steps) < 1 + group.engine.async_scheduling and scheduler.running + scheduler.waiting:
            step = scheduler.schedule()
            tokens = sum(count for _, count, *_ in step.work)
            context = sum(before + count for _, count, before, *_ in step.work)
            log.append((now, tokens, context, len(scheduler.running), len(scheduler.waiting), len(step.preempted)))
            lasts = oracle.BASE_S + oracle.TOKEN_S * tokens + oracle.CONTEXT_S * context if tokens else oracle.IDLE_S
            step.end = free_at = max(now, free_at) + lasts
            steps.append(step)
        else:
            now = steps[0].end
            for request in scheduler.deliver(steps.pop(0), now)[1]:
                request.finish = now
    return requests, log


@pytest.mark.parametrize("name", ["async_priority_tight", "async_prefix_tight", "priority_prefix_small_blocks"])
def test_the_witness_itself_follows_vllm_step_by_step(name):
    settings = {**oracle.DEFAULTS, **dict(oracle._configurations(FIXTURES / "configs.json"))[name]}
    workload = readers.read(FIXTURES / "traces" / f"{settings['trace']}.csv")
    requests, log = replay(settings, workload)
    with gzip.open(FIXTURES / "out" / name / "iters.csv.gz", "rt") as stream:
        steps = list(csv.DictReader(stream))
    columns = ("t_sched_s", "sched_tokens", "kv_tokens", "running", "waiting", "preempted")
    expected = [[float(step[column]) for column in columns] for step in steps]
    np.testing.assert_allclose(np.array(log), expected, rtol=0, atol=oracle.TOLERANCE_S)
    with (FIXTURES / "out" / name / "requests.csv").open() as stream:
        finishes = [float(row["finish_s"]) for row in csv.DictReader(stream)]
    assert [one.finish for one in requests] == pytest.approx(finishes, abs=oracle.TOLERANCE_S)


def test_a_fleet_that_never_moves_again_ends_an_hour_after_the_last_arrival(single, serve):
    text = "name: never\nrationale: holds all\nrouter: |\n  def score(request, replica, fleet, p):\n      return SKIP\n"
    run = serve(single(), [0.0, 5000.0], [1, 1], [1, 1], text)
    assert run.status.tolist() == [runs.UNFINISHED] * 2
    assert run.makespan_s == 5000.0 + 3600.0
    assert run.gpu_hours == pytest.approx(8600 / 3600)
    assert math.isnan(run.dispatch_s[0])


def test_a_policy_that_holds_for_a_minute_is_waited_for_however_late_a_request_comes(single, serve):
    text = (
        "name: later\nrationale: holds for a minute\nrouter: |\n  def score(request, replica, fleet, p):\n"
        "      if request.waited_s < 60:\n          return SKIP\n      return 1\n"
    )
    run = serve(single(), [0.0, 9000.0], [1, 1], [1, 1], text)
    assert run.status.tolist() == [runs.FINISHED] * 2
    assert run.dispatch_s - run.arrival_s == pytest.approx([60.0, 60.0], abs=0.25)


def test_when_the_head_of_the_queue_gives_up_those_behind_it_are_tried_at_once(single, serve):
    """The head blocks everybody while the replica is busy; its hold TTL ends before the replica's request does."""
    text = (
        "name: blocks\nrationale: long prompts need an idle replica\nrouter: |\n"
        "  def score(request, replica, fleet, p):\n"
        "      if request.prompt_tokens > 9 and replica.in_flight > 0:\n          return BLOCK\n      return 1\n"
    )
    shape = single()
    shape = dataclasses.replace(shape, router=dataclasses.replace(shape.router, hold_ttl_s=2.0))
    run = serve(shape, [0.0, 0.5, 1.0], [1, 10, 1], [100, 1, 1], text)
    assert run.status.tolist() == [runs.FINISHED, runs.HOLD_TIMEOUT, runs.FINISHED]
    assert run.dispatch_s[2] == 2.5

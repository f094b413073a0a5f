"""The exam asks the same questions of everyone, on held-out seeds, wherever its simulations run."""

from __future__ import annotations

import multiprocessing
from concurrent import futures
from dataclasses import replace

import numpy as np
import pytest

from glia_sim import exam, faults, fleet_file, goal, score, seeds, trial, verdict
from glia_sim.engine import layout, run
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import synthetic

RULES = verdict.Rules(objective=goal.objective("mean-latency"))
TITLES = ["held-out", "load x0.8", "load x1.2", "burstier", "KV x0.9", "production views"]


def pretend(machines, workload, factor) -> run.Run:
    """A twin in which the "program" is a factor on every request's latency."""
    count = workload.requests
    e2e = factor * (1.0 + workload.output_tokens / 100)
    ints = np.zeros(count, np.int64)
    return run.Run(
        arrival_s=workload.arrival_s,
        dispatch_s=workload.arrival_s,
        first_exec_s=workload.arrival_s,
        first_token_s=workload.arrival_s + e2e / 2,
        finish_s=workload.arrival_s + e2e,
        prompt_tokens=workload.prompt_tokens,
        output_tokens=workload.output_tokens,
        preemptions=ints,
        replica=ints,
        picker=ints,
        status=ints,
        cached_tokens=ints,
        ideal_s=e2e / factor,
        itl_histogram=np.zeros(len(layout.ITL_EDGES_S) - 1),
        makespan_s=float(workload.duration_s + e2e.max()),
        gpu_hours=1.0,
        iterations=1,
        policy_faults=0,
        kv_used_mean=0.5,
        busy_share=1.0,
        prefill_recomputed_tokens=0,
        timeline=None,
    )


def worse_when_scraped(machines, workload, factor) -> run.Run:
    return pretend(machines, workload, factor * 3 if machines.router.views == "scraped" and factor < 1 else factor)


def refuses(machines, workload, factor) -> run.Run:
    raise faults.InputFault("the twin refuses")


@pytest.fixture(scope="module")
def machines():
    return fleet_file.load("paper-a10x4")


@pytest.fixture(scope="module")
def workload():
    return synthetic.make("synthetic:paper?requests=60&seed=2")


@pytest.fixture
def threads():
    with futures.ThreadPoolExecutor(1) as executor:
        yield executor


def examine(machines, workload, executor, candidate=0.8, simulate=pretend, **changes) -> verdict.Verdict:
    return exam.examine(
        machines,
        workload,
        baseline=1.0,
        candidate=candidate,
        rules=RULES,
        executor=executor,
        simulate=simulate,
        **changes,
    )


def test_a_faster_candidate_is_approved_with_its_exact_effect(machines, workload, threads):
    found = examine(machines, workload, threads)
    assert found.approved
    assert found.improvement == pytest.approx(0.2)
    assert [found.heldout.title, *(section.title for section in found.robustness)] == TITLES
    assert all(section.objective.estimate == pytest.approx(-0.2) for section in found.robustness)
    assert found.notes == ()


def test_a_slower_or_equal_candidate_is_refused(machines, workload, threads):
    assert not examine(machines, workload, threads, candidate=1.1).approved
    assert not examine(machines, workload, threads, candidate=1.0).approved


def test_a_candidate_that_only_perfect_views_make_good_is_refused(machines, workload, threads):
    found = examine(machines, workload, threads, simulate=worse_when_scraped)
    assert not found.approved
    assert all(reason.startswith("production views:") for reason in found.reasons)


def test_the_exam_uses_twenty_held_out_seeds_and_no_other(machines, workload, threads):
    found = examine(machines, workload, threads)
    assert found.seeds == seeds.stream("heldout", 20)
    assert found.heldout.objective.seeds == 20
    assert {section.objective.seeds for section in found.robustness} == {10}
    assert examine(machines, workload, threads, root=3).seeds == seeds.stream("heldout", 20, root=3)


def test_a_later_sitting_has_held_out_seeds_of_its_own(machines, workload, threads):
    sat = [examine(machines, workload, threads, sitting=sitting).seeds for sitting in range(3)]
    assert [len(seeds_) for seeds_ in sat] == [20, 20, 20]
    assert len(set().union(*sat)) == 60
    assert set().union(*sat) == set(seeds.stream("heldout", 60))


def test_the_same_exam_gives_the_same_verdict_in_threads_and_processes(machines, workload, threads):
    with futures.ProcessPoolExecutor(2) as processes:
        there = examine(machines, workload, processes)
    assert verdict.as_json(examine(machines, workload, threads)) == verdict.as_json(there)


def test_progress_is_told_after_each_trial(machines, workload, threads):
    told = []
    examine(machines, workload, threads, progress=lambda done, whole: told.append((done, whole)))
    assert told == [(done, 70) for done in range(1, 71)]


def test_a_fleet_that_has_production_views_is_not_asked_twice(workload, threads):
    found = examine(fleet_file.load("paper-a10x4-live"), workload, threads)
    assert [section.title for section in found.robustness] == TITLES[1:-1]
    assert "has them already" in found.notes[0]


def test_a_condition_that_no_policy_could_meet_is_left_out_and_noted(machines, workload, threads):
    need = int((workload.prompt_tokens + workload.output_tokens).max())
    engine = replace(machines.groups[0].engine, num_blocks=-(-need // 16) + 1)
    tight = replace(machines, groups=(replace(machines.groups[0], engine=engine),))
    found = examine(tight, workload, threads)
    assert "KV x0.9" not in [section.title for section in found.robustness]
    assert "KV x0.9 is not examined" in found.notes[0]


def test_a_fleet_that_cannot_serve_the_trace_is_refused_before_anything_runs(machines, workload, threads):
    with pytest.raises(faults.InputFault, match="do not fit"):
        examine(machines.with_kv(0.001), workload, threads, simulate=refuses)


def test_a_fault_in_one_trial_ends_the_exam(machines, workload, threads):
    with pytest.raises(faults.InputFault, match="the twin refuses"):
        examine(machines, workload, threads, simulate=refuses)


def test_the_twin_itself_finds_no_difference_between_a_policy_and_itself(machines, workload):
    program = programs.compile(document.load("llq"))
    with futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        found = exam.examine(machines, workload, baseline=program, candidate=program, rules=RULES, executor=executor)
    assert not found.approved
    assert (found.improvement, found.interval) == (0.0, (0.0, 0.0))
    assert found.heldout.baseline.requests == 20 * workload.requests
    assert found.heldout.baseline.failed == 0


class TestTrials:
    """A trial serves the same arrivals under every program."""

    def test_all_programs_meet_the_same_arrivals(self, machines, workload):
        one = trial.Trial(machines=machines, workload=workload, programs=(1.0, 1.0), seed=5)
        first, second = trial.play(one, pretend)
        assert np.array_equal(first.charged["e2e"], second.charged["e2e"])

    def test_load_divides_arrival_times(self, machines, workload):
        plain = trial.Trial(machines=machines, workload=workload, programs=(), seed=5)
        heavy = trial.drawn(replace(plain, load=1.25))
        assert heavy.arrival_s == pytest.approx(trial.drawn(plain).arrival_s * 0.8)
        assert np.array_equal(heavy.output_tokens, trial.drawn(plain).output_tokens)

    def test_burstier_arrivals_bring_the_same_requests(self, machines, workload):
        plain = trial.Trial(machines=machines, workload=workload, programs=(), seed=5)
        burst = trial.drawn(replace(plain, burstier=True))
        assert np.array_equal(burst.output_tokens, trial.drawn(plain).output_tokens)
        assert not np.array_equal(burst.arrival_s, trial.drawn(plain).arrival_s)

    def test_records_come_back_in_the_order_of_the_trials(self, machines, workload):
        trials = [
            trial.Trial(machines=machines, workload=workload, programs=(float(factor),), seed=1)
            for factor in range(1, 9)
        ]
        with futures.ThreadPoolExecutor(4) as executor:
            records = exam.run(trials, executor=executor, simulate=pretend)
        means = [score.pool(one).e2e.mean for one in records]
        assert means == pytest.approx([means[0] * factor for factor in range(1, 9)])

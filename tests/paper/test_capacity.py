"""What a policy carries is found by bisection, and a sweep finds what asking every point would find."""

from __future__ import annotations

import pytest

from glia_operator.research import design as designs
from glia_sim import fleet_file, goal, seeds
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers
from paper import capacity, sweep

TRIALS = seeds.stream("training", 2)


@pytest.fixture(scope="module")
def question():
    return capacity.Question(
        machines=fleet_file.load("h100x8-70b"),
        workload=readers.read("synthetic:prefill-heavy?requests=400&rate=1"),
        constraint=goal.constraint("p90 ttft < 1.5s"),
    )


@pytest.fixture(scope="module")
def llq():
    return programs.compile(document.load("llq"))


def test_the_constraint_holds_at_the_rate_that_is_found_and_not_much_above(question, llq):
    rate = capacity.highest(question, llq, TRIALS)
    assert 1.0 < rate < 20.0
    assert capacity.holds(question, llq, rate, TRIALS)
    assert not capacity.holds(question, llq, rate * 1.5, TRIALS)


def test_a_rate_that_one_trial_cannot_bear_is_not_carried(question, llq):
    alone = [capacity.highest(question, llq, (seed,)) for seed in TRIALS]
    assert capacity.highest(question, llq, TRIALS) == pytest.approx(min(alone), rel=2 * capacity.STEP)


def test_what_does_not_hold_at_the_lowest_rate_carries_nothing(question, llq):
    assert capacity.highest(question, llq, TRIALS, low=30.0) == 0.0


def test_a_sweep_finds_the_point_that_carries_most_and_counts_them_all(question):
    policy = designs.compose(designs.Design(order="shortest", gate="prefill"), {}, name="gated")
    found, count = sweep.best(question, policy, {"backlog": (500.0, 12e3, 100e3)}, TRIALS, 0.25)
    assert count == 3
    assert found.policy.parameters["backlog"].value == 12e3
    assert capacity.holds(question, programs.compile(found.policy), found.rate, TRIALS)


def test_a_structure_that_carries_less_than_is_worth_asking_has_no_best_point(question):
    assert sweep.best(question, document.load("llq"), {}, TRIALS, 30.0) == (None, 1)


def test_every_structure_of_the_sweep_is_another_program():
    texts = [tuple(designs.texts(one).values()) for one in sweep.structures()]
    assert len(set(texts)) == len(texts)

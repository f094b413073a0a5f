"""A constraint that no policy keeps is reported as such, with the nearest point that one does keep."""

from __future__ import annotations

import dataclasses

import pytest

from glia_operator.research import notebook as notebooks
from glia_operator.research import study
from glia_sim import goal
from glia_sim.workload import readers


@pytest.fixture
def asked(small_brief, executor, tmp_path):
    """Answers a short study under these constraints."""

    def answer(*constraints):
        brief = dataclasses.replace(
            small_brief,
            workload=readers.read("synthetic:paper?requests=120&rate=9&seed=4"),
            constraints=tuple(goal.constraint(text) for text in constraints),
            experiments=2,
        )
        return study.run(brief, notebook=notebooks.File(tmp_path / "n.jsonl"), executor=executor)

    return answer


def test_an_impossible_constraint_is_out_of_reach_and_the_nearest_point_is_named(asked):
    outcome = asked("p90 ttft < 1ms", "p99 e2e < 3600s")
    assert outcome.best == outcome.baseline
    assert outcome.feasibility.kept is False
    nearest = min(outcome.experiments, key=lambda one: one.constraints[0])
    limit = goal.constraint("p90 ttft < 1ms").amount(nearest.constraints[0])
    assert "'p90 ttft < 0.001 s' is out of reach" in outcome.feasibility.sentence
    assert f"the nearest feasible point is p90 ttft {limit}, p99 e2e" in outcome.feasibility.sentence
    assert f"(experiment {nearest.number}, {nearest.title})" in outcome.feasibility.sentence
    assert any(outcome.feasibility.sentence in sentence for sentence in outcome.explanation)


def test_a_constraint_that_is_kept_is_feasible_and_none_is_no_question(asked):
    assert asked("p99 e2e < 3600s").feasibility.kept is True


def test_without_constraints_nothing_is_said_about_them(finished):
    outcome, _ = finished
    assert (outcome.feasibility.kept, outcome.feasibility.sentence) == (None, "")

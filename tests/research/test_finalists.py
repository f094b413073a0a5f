"""Who sits the exam keeps the constraints on arrivals that no search has seen, at the least price."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from glia_operator.research import design as designs
from glia_operator.research import effort, finalists, laboratory, marking, outcome
from glia_operator.research import notebook as notebooks
from glia_sim import goal, seeds
from glia_sim.policy import document
from stories import question

FREE = 30.0
"""Requests per replica up to which the constraint holds on every arrival; on those of search, it holds up to 40."""
SLOWDOWN = 4.4
"""With so many."""
VALIDATION = seeds.stream("validation", 100)


class Scaled:
    """A marker of fleets whose GPU-hours fall, and whose slowdown grows, with the requests of a replica."""

    simulations = 0

    def __init__(self, harder):
        self.harder = harder

    def marks(self, candidates, *asked):
        return [np.array([[self._row(candidates, seed) for seed in drawn] for _ in where]) for where, drawn in asked]

    def _row(self, candidates, seed):
        limit = FREE if seed in self.harder else 40.0
        targets = [float(one.values[0]) for one in candidates]
        return [[1.0, 1.0, 0.0, 0.0, 1.0], *([20.0 / one, 1.0, 0.0, 0.0, SLOWDOWN * one / limit] for one in targets)]


@pytest.fixture
def searched(tmp_path):
    """Makes careful studies that found 40 requests per replica best."""
    brief = dataclasses.replace(
        question.brief(40, experiments=2),
        objective=goal.objective("gpu-hours"),
        constraints=(goal.constraint("p95 slowdown < 5"),),
    )
    policy = designs.compose(designs.Design(autoscaler="proportional"), {"target": 40.0}, name="leanest")
    scaler = policy.model_copy(update={"router": None})

    def make(harder=VALIDATION):
        found = outcome.Experiment(
            number=1,
            title="leanest",
            hypothesis="it pays",
            addresses="idle replicas",
            policy=scaler,
            simulations=1,
            effect=None,
            p99_ratio=1.0,
            constraints=(),
            cost=-0.7,
            finding="found",
            kept=True,
            predicted=None,
            parts="",
            slope={"target": 3.0},
        )
        return laboratory.Study(
            brief=brief,
            notebook=notebooks.File(tmp_path / "n.jsonl"),
            marker=Scaled(frozenset(harder)),
            progress=lambda _progress: None,
            where=marking.conditions(brief)[:2],
            training=seeds.stream("training", 240),
            effort=effort.Effort(workload=brief.workload, generations=1.0, seeds=0.4, careful=True),
            experiments=[found],
        )

    return make


def test_a_finalist_gives_up_gain_until_its_constraint_holds_on_other_arrivals(searched):
    (eased,) = finalists.chosen(searched())
    target = eased.policy.parameters["target"].value
    assert SLOWDOWN * target / FREE < 5.0 < SLOWDOWN * 40.0 / FREE
    assert target > FREE * 0.8  # and no more than that


def test_a_finalist_that_keeps_its_constraint_there_stays_as_it_is(searched):
    study = searched(harder=())
    assert [one.policy for one in finalists.chosen(study)] == [study.experiments[0].policy]


def test_experiments_that_came_to_one_policy_are_one_finalist(searched):
    study = searched(harder=())
    (found,) = study.experiments
    renamed = found.policy.model_copy(update={"name": "again"})
    calmer = document.with_values(found.policy, {"target": 35.0})
    study.experiments += [
        dataclasses.replace(found, number=2 + k, policy=one) for k, one in enumerate((renamed, calmer))
    ]
    assert [one.number for one in finalists.chosen(study)] == [1, 3]


def test_what_was_chosen_is_recalled_without_a_simulation(searched):
    study = searched()
    first = finalists.chosen(study)
    study.notebook = notebooks.File(study.notebook.path)
    study.marker = dataclasses.make_dataclass("Counts", [("simulations", int, 0)])()
    assert finalists.chosen(study) == first

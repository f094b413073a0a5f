"""A small study, finished for real, and its report."""

from __future__ import annotations

import dataclasses
from concurrent import futures

import pytest

from glia_operator.report import story
from glia_operator.research import brief as briefs
from glia_operator.research import notebook as notebooks
from glia_operator.research import study
from glia_sim import fleet_file, goal
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers


class AtOnce(futures.Executor):
    """Runs each job where it is submitted."""

    def submit(self, function, /, *arguments, **named):
        """Run the job now."""
        future = futures.Future()
        future.set_result(function(*arguments, **named))
        return future


@pytest.fixture(scope="session")
def told(tmp_path_factory):
    """What a study of two experiments on a small trace found, with the runs of the timelines."""
    brief = briefs.Brief(
        fleet=fleet_file.load("paper-a10x4"),
        workload=readers.read("synthetic:paper?requests=200&rate=14&seed=4"),
        baseline=document.load("llq"),
        objective=goal.objective("mean-latency"),
        constraints=(goal.constraint("p90 ttft < 1000s"),),
        experiments=2,
    )
    book = notebooks.File(tmp_path_factory.mktemp("study") / "notebook.jsonl")
    outcome = study.run(brief, notebook=book, executor=AtOnce())
    pair = [
        runs.simulate(brief.fleet, brief.workload, programs.compile(policy), timeline_s=1.0)
        for policy in (outcome.baseline, outcome.best)
    ]
    return story.Story(
        machines=brief.fleet,
        workload=brief.workload,
        objective=brief.objective,
        constraints=brief.constraints,
        outcome=outcome,
        runs=(pair[0], pair[1]),
        wall_s=12.5,
    )


@pytest.fixture(scope="session")
def changed(told):
    """The same story with another policy than the baseline as the best, whatever the exam said."""
    best = document.load("hra-spf")
    return dataclasses.replace(told, outcome=dataclasses.replace(told.outcome, best=best))

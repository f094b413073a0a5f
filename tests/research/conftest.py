"""A small brief, and an executor that runs jobs at once so that tests can watch them."""

from __future__ import annotations

import multiprocessing
from concurrent import futures

import pytest

from glia_operator.research import brief as briefs
from glia_operator.research import notebook as notebooks
from glia_operator.research import study
from glia_sim import fleet_file, goal
from glia_sim.policy import document
from glia_sim.workload import readers


class AtOnce(futures.Executor):
    """Runs each job where it is submitted, and counts them."""

    def __init__(self) -> None:
        self.jobs = 0

    def submit(self, function, /, *arguments, **named):
        """Run the job now."""
        self.jobs += 1
        future = futures.Future()
        future.set_result(function(*arguments, **named))
        return future


@pytest.fixture(scope="session")
def at_once():
    """Makes executors that run jobs in this process."""
    return AtOnce


@pytest.fixture
def executor():
    """Runs jobs in this process."""
    return AtOnce()


@pytest.fixture(scope="session")
def small_brief():
    """Four experiments on the published operating point, with a short synthetic trace."""
    return briefs.Brief(
        fleet=fleet_file.load("paper-a10x4"),
        workload=readers.read("synthetic:paper?requests=300&rate=9&seed=4"),
        baseline=document.load("llq"),
        objective=goal.objective("mean-latency"),
        experiments=4,
    )


@pytest.fixture(scope="session")
def finished(small_brief, tmp_path_factory):
    """One whole study in two worker processes."""
    path = tmp_path_factory.mktemp("study") / "notebook.jsonl"
    context = multiprocessing.get_context("spawn")
    with futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        outcome = study.run(small_brief, notebook=notebooks.File(path), executor=pool)
    return outcome, path.read_bytes()

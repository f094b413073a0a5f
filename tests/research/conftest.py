"""A small brief, and an executor that runs jobs at once so that tests can watch them."""

from __future__ import annotations

import multiprocessing
from concurrent import futures

import pytest

from glia_operator.research import notebook as notebooks
from glia_operator.research import study
from stories import question


@pytest.fixture(scope="session")
def at_once():
    """Makes executors that run jobs in this process."""
    return question.AtOnce


@pytest.fixture
def executor():
    """Runs jobs in this process."""
    return question.AtOnce()


@pytest.fixture(scope="session")
def small_brief():
    """Three experiments on the published operating point, with a short synthetic trace."""
    return question.brief(120, experiments=3)


@pytest.fixture(scope="session")
def finished(small_brief, tmp_path_factory):
    """One whole study in two worker processes."""
    path = tmp_path_factory.mktemp("study") / "notebook.jsonl"
    context = multiprocessing.get_context("spawn")
    with futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        outcome = study.run(small_brief, notebook=notebooks.File(path), executor=pool)
    return outcome, path.read_bytes()

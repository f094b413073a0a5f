"""A study gives the same bytes wherever its simulations run, whoever dies meanwhile."""

from __future__ import annotations

import os
import signal
from concurrent import futures

import pytest

from glia_operator.adapters import executors
from glia_operator.research import notebook as notebooks
from glia_operator.research import study


class Killing(futures.Executor):
    """Hands jobs on to another executor, and kills something when so many were asked for."""

    def __init__(self, inner, kill=lambda: None, after=-1):
        self.jobs = 0
        self._inner, self._kill, self._after = inner, kill, after

    def submit(self, function, /, *arguments, **named):
        """Hand the job on."""
        self.jobs += 1
        future = self._inner.submit(function, *arguments, **named)
        if self.jobs == self._after:
            self._kill()
        return future


def studied(brief, folder, executor):
    """Outcome and notebook of a study."""
    path = folder / "notebook.jsonl"
    outcome = study.run(brief, notebook=notebooks.File(path), executor=executor)
    return outcome, path.read_bytes()


@pytest.fixture(scope="module")
def alone(tiny_brief, tmp_path_factory):
    """Outcome, notebook and number of jobs of the study in this process."""
    with executors.open_executor(executors.Settings(processes=1)) as inner:
        executor = Killing(inner)
        return *studied(tiny_brief, tmp_path_factory.mktemp("alone"), executor), executor.jobs


def test_a_local_worker_killed_half_way_changes_nothing(tiny_brief, alone, tmp_path, caplog):
    outcome, content, jobs = alone
    with executors.open_executor(executors.Settings(processes=2)) as pool:
        executor = Killing(pool, lambda: os.kill(min(pool._pool._processes), signal.SIGKILL), jobs // 2)
        assert studied(tiny_brief, tmp_path, executor) == (outcome, content)
        assert executor.jobs == jobs
    assert "a worker process died" in caplog.text


def test_one_of_two_dask_workers_killed_half_way_changes_nothing(tiny_brief, alone, tmp_path, dask):
    outcome, content, jobs = alone
    dask.join()
    dask.join()
    with dask.open() as cluster:
        cluster._client.wait_for_workers(2, timeout=60)
        executor = Killing(cluster, dask.workers[0].kill, jobs // 2)
        assert studied(tiny_brief, tmp_path, executor) == (outcome, content)
        assert executor.jobs == jobs
        assert len(cluster._client.nthreads()) == 1
    assert dask.workers[0].wait() == -signal.SIGKILL

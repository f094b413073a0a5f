"""Real worker processes: local ones, and a Dask scheduler with workers of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys

import pytest

from glia_operator.adapters import executors
from stories import question

DASK = [sys.executable, "-W", "ignore", "-m", "dask"]


@pytest.fixture(scope="session")
def tiny_brief():
    """Two experiments on a trace of forty requests."""
    return question.brief(40, experiments=2)


class Dask:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, stack, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.workers = []
        self._stack, self._folder = stack, folder
        self._started("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")

    def _started(self, *arguments, path=None):
        process = subprocess.Popen(
            [*DASK, *arguments],
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*(path or ()), *sys.path])},
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def join(self, path=None):
        """One more worker, with its code from other folders where they are given."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60")
        self.workers.append(self._started("worker", self.address, *options, path=path))

    def open(self):
        """An executor on it."""
        return executors.open_executor(executors.Settings(where=self.address))


@pytest.fixture
def dask(tmp_path):
    """A scheduler without workers."""
    with contextlib.ExitStack() as stack:
        yield Dask(stack, tmp_path)

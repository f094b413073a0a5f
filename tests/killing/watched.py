"""`python -m killing.watched LOG COMMAND...`: the `glia` command, and a line in a log for every job of its studies.

A line holds the digest of the record that was the notebook's newest when the job was asked for, and the simulations in
the job. It is written where the job runs, when it begins.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from concurrent import futures

from glia_operator.adapters import executors
from glia_operator.cli import main
from glia_operator.research import notebook as notebooks


class WatchedFile(notebooks.File):
    """A notebook whose newest record can be asked for by everyone."""

    newest = notebooks.GENESIS

    def __init__(self, path):
        super().__init__(path)
        WatchedFile.newest = self.last

    def append(self, kind, key, body):
        """Write one record."""
        super().append(kind, key, body)
        WatchedFile.newest = self.last


class WatchedExecutor(futures.Executor):
    """Runs jobs elsewhere, logged."""

    def __init__(self, inner, log):
        self._inner, self._log = inner, log

    def submit(self, function, /, *arguments, **named):
        """Run the job."""
        line = json.dumps({"after": WatchedFile.newest, "simulations": simulations(arguments[0])})
        return self._inner.submit(logged, self._log, line, function, *arguments, **named)


def simulations(trial):
    """Names of the simulations in a trial, `ARRIVALS POLICY`: who is served where with which seed, and under what."""
    served = (repr(trial.machines), trial.workload.digest, trial.seed, trial.load, trial.burstier)
    arrivals = hashlib.sha256(repr(served).encode()).hexdigest()[:16]
    return [f"{arrivals} {program.policy.digest}" for program in trial.programs]


def logged(log, line, function, *arguments, **named):
    """Note that the job begins, and run it."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode() + b"\n")
    finally:
        os.close(descriptor)
    return function(*arguments, **named)


def watch(log):
    """Have every study of this process logged."""
    inner = executors.open_executor

    @contextlib.contextmanager
    def opened(settings):
        with inner(settings) as executor:
            yield WatchedExecutor(executor, log)

    executors.open_executor = opened
    notebooks.File = WatchedFile


if __name__ == "__main__":
    watch(sys.argv[1])
    sys.exit(main.main(sys.argv[2:]))

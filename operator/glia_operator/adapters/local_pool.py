"""Worker processes of this machine. When one dies, all are replaced and their jobs run again."""

from __future__ import annotations

import functools
import logging
import multiprocessing
import os
import signal
import threading
from concurrent import futures
from concurrent.futures import process
from multiprocessing import connection
from typing import TYPE_CHECKING, Any

from glia_operator.adapters import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

CAUSE = "memory may have run out; fewer processes need less of it"

log = logging.getLogger(__name__)


class Pool(futures.Executor):
    """A process pool that survives its workers.

    The standard pool is broken for good once a worker dies; another then takes its place, and every job that had no
    result runs again there.

    Args:
        processes: how many.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._lock = threading.RLock()
        self._closed = False
        self._pool = self._fresh()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> futures.Future[Any]:  # noqa: ANN401
        """Run the call in a worker.

        The future's result raises jobs.WorkersLost where workers died again and again under this call.
        """
        job = jobs.Job(function=function, arguments=arguments, named=named)
        self._begin(job)
        return job.promised

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as inherited
        """As the standard pool's."""
        with self._lock:
            self._closed = True
            pool = self._pool
        pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def _begin(self, job: jobs.Job) -> None:
        pool = self._pool
        while True:
            try:
                inner = pool.submit(job.function, *job.arguments, **job.named)
                break
            except process.BrokenProcessPool:
                pool = self._replacement(pool)
        inner.add_done_callback(functools.partial(self._ended, job))

    def _ended(self, job: jobs.Job, inner: futures.Future[Any]) -> None:
        lost = not inner.cancelled() and isinstance(inner.exception(), process.BrokenProcessPool)
        if not lost or self._closed:
            job.end(inner)
        elif not job.is_hopeless(CAUSE):
            try:
                self._begin(job)
            except RuntimeError:  # closed meanwhile
                job.end(inner)

    def _replacement(self, broken: process.ProcessPoolExecutor) -> process.ProcessPoolExecutor:
        """The pool that took a broken one's place; raises BrokenProcessPool where there will be none."""
        with self._lock:
            if self._closed:
                raise process.BrokenProcessPool("closed")
            if self._pool is broken:
                log.warning("a worker process died; its simulations run again in another")
                self._pool = self._fresh()
            return self._pool

    def _fresh(self) -> process.ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return process.ProcessPoolExecutor(self._processes, mp_context=context, initializer=_begin_work)


def _begin_work() -> None:
    """Leave Ctrl-C to the process that this one works for, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)

"""Where simulations run: in this process, in worker processes of this machine, or on a Dask cluster.

A study gives the same result on all of them.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
from concurrent import futures
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glia_operator.adapters import local_pool
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCAL = "local"
ADDRESS = re.compile(r"(tcp|tls|ws|wss)://(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where simulations run.

    Attributes:
        where: `local`, or the address of a Dask scheduler.
        processes: of a local executor; 1 = this process alone, None = one for each CPU.
    """

    where: str = LOCAL
    processes: int | None = None


def where(text: str) -> str:
    """The text itself, if it names an executor; InputFault otherwise."""
    if text == LOCAL or ADDRESS.fullmatch(text):
        return text
    raise faults.InputFault(
        f"--executor {text!r}: write local, or the address of a Dask scheduler such as tcp://scheduler:8786"
    )


@contextlib.contextmanager
def open_executor(settings: Settings) -> Iterator[futures.Executor]:
    """An executor that outlives the loss of its workers; what has not begun when it is closed never does.

    Raises:
        InputFault: `settings.where` names no executor.
        jobs.Unreachable: no scheduler answers there, or no worker has joined it.
        jobs.OtherVersion: the cluster runs another version of this package.
    """
    executor = _executor(settings)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _executor(settings: Settings) -> futures.Executor:
    if where(settings.where) != LOCAL:
        cluster: futures.Executor = _cluster().connect(settings.where)
        return cluster
    processes = settings.processes or len(os.sched_getaffinity(0))
    return AtOnce() if processes == 1 else local_pool.Pool(processes)


def _cluster() -> Any:  # noqa: ANN401 - modules have no types of their own
    """Dask's library takes a second to load, which local studies do not wait for."""
    return importlib.import_module("glia_operator.adapters.dask_cluster")


class AtOnce(futures.Executor):
    """Runs each job where it is submitted: one process does all."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> futures.Future[Any]:  # noqa: ANN401
        """Run the job now."""
        future: futures.Future[Any] = futures.Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:  # noqa: BLE001 - the future hands it on
            future.set_exception(error)
        return future

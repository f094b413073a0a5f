"""Simulations on a Dask cluster, behind the same interface as local processes.

Dask runs the tasks of a lost worker again on another. TLS is set up as for any client of Dask, by its configuration.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import queue
import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING, Any

import dask
import distributed

from glia_operator.adapters import dask_job, jobs
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_sim.workload import trace

CONNECT_WITHIN_S = 10.0
WORKERS_WITHIN_S = 30.0
"""So long a cluster may be without any worker."""
LOOK_EVERY_S = 1.0
LARGE = "1 GB"
"""Dask warns of messages beyond this, by default 10 MB; a workload of a million requests has 60 MB and is sent once."""
NO_SCHEDULER = f"the scheduler was lost, and did not answer again within {CONNECT_WITHIN_S:g} s"
LOST = (distributed.scheduler.KilledWorker, distributed.CancelledError, distributed.comm.CommClosedError)
CAUSE = (
    "memory may have run out; where workers come and go, raise the scheduler's distributed.scheduler.allowed-failures"
)


def connect(address: str) -> Cluster:
    """The cluster behind a scheduler's address.

    Raises:
        InputFault: the address needs certificates.
        jobs.Unreachable: no scheduler answers there, or no worker has joined it.
        jobs.OtherVersion: scheduler or a worker runs another version of this package.
    """
    dask.config.set({"distributed.admin.large-graph-warning-threshold": LARGE})
    certificates = distributed.Security().get_connection_args("client")["ssl_context"]
    if certificates is None and address.startswith(("tls:", "wss:")):
        raise faults.InputFault(
            f"--executor {address}: certificates are needed; name them in Dask's own settings distributed.comm.tls: "
            "ca-file, client.cert and client.key"
        )
    try:
        client = distributed.Client(address, timeout=CONNECT_WITHIN_S, set_as_default=False, name="glia")
    except (OSError, ValueError, RuntimeError) as error:
        why = str(error) or type(error).__name__
        raise jobs.Unreachable(
            f"--executor {address}: no Dask scheduler answers within {CONNECT_WITHIN_S:g} s: {why}"
        ) from None
    try:
        _check(client, address)
    except BaseException:
        client.close()
        raise
    return Cluster(client, address)


def _check(client: distributed.Client, address: str) -> None:
    """Every machine of the cluster must compute the same bytes as this one."""
    try:
        client.wait_for_workers(1, timeout=WORKERS_WITHIN_S)
    except TimeoutError:
        raise jobs.Unreachable(
            f"--executor {address}: the scheduler has no worker after {WORKERS_WITHIN_S:g} s; "
            f"start one with `dask worker {address}`"
        ) from None
    found = {f"worker {one}": said for one, said in client.run(dask_job.version, on_error="return").items()}
    for one, said in found.items():
        if isinstance(said, BaseException):
            raise jobs.OtherVersion(f"--executor {address}: {one} cannot run this package: {said}")
        if said != dask_job.version():
            sentence = dask_job.different(said, dask_job.version())
            raise jobs.OtherVersion(f"--executor {address}: {one} differs: {sentence}")


class Cluster(futures.Executor):
    """Workers of a Dask cluster.

    Args:
        client: connected; closed with this executor.
        address: for messages.
    """

    def __init__(self, client: distributed.Client, address: str) -> None:
        self._client = client
        self._address = address
        self._executor = client.get_executor(pure=False)
        self._sent: dict[int, tuple[trace.Workload, distributed.Future]] = {}
        self._pending: set[jobs.Job] = set()
        self._lost: queue.SimpleQueue[jobs.Job | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="glia-dask", daemon=True)
        self._watching.start()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> futures.Future[Any]:  # noqa: ANN401
        """Run the call on a worker.

        The future's result raises jobs.WorkersLost where workers died again and again under this call, and
        jobs.Unreachable where the scheduler is gone or has had no worker for long.
        """
        job = jobs.Job(function=function, arguments=arguments, named=named)
        self._pending.add(job)
        self._begin(job)
        return job.promised

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as inherited
        """Leave the cluster, which forgets what was asked of it."""
        if wait and not cancel_futures:
            futures.wait([job.promised for job in tuple(self._pending)])
        self._closed.set()
        self._lost.put(None)
        self._watching.join(CONNECT_WITHIN_S)
        self._client.close()

    def _begin(self, job: jobs.Job) -> None:
        content, workloads = dask_job.pack(job.function, job.arguments, job.named)
        try:
            sent = [self._send(workload) for workload in workloads]
            inner = self._executor.submit(dask_job.run, content, dask_job.version(), *sent)
        except distributed.client.ClosedClientError:
            self._give_up(NO_SCHEDULER)
            return
        inner.add_done_callback(lambda inner: self._ended(job, inner))

    def _send(self, workload: trace.Workload) -> distributed.Future:
        """The workload on the cluster, where it is sent once."""
        _, future = self._sent.get(id(workload), (workload, None))
        if future is None or future.status in ("cancelled", "lost", "error"):
            content = pickle.dumps(workload, protocol=pickle.HIGHEST_PROTOCOL)
            key = f"glia-workload-{hashlib.sha256(content).hexdigest()}"
            future = self._client.submit(dask_job.unpack, content, key=key)
            self._sent[id(workload)] = (workload, future)
        return future

    def _ended(self, job: jobs.Job, inner: futures.Future[Any]) -> None:
        """Called in the client's own thread, where nothing may wait."""
        if inner.cancelled() or isinstance(inner.exception(), LOST):
            self._lost.put(job)
        elif job in self._pending:
            self._pending.discard(job)
            job.end(inner)

    def _watch(self) -> None:
        """Try lost calls again, and give up where nobody is left to make them."""
        manned_at = time.monotonic()
        while not self._closed.is_set():
            with contextlib.suppress(queue.Empty):
                lost = self._lost.get(timeout=LOOK_EVERY_S)
                if lost in self._pending:
                    self._again(lost)
            if self._client.status in ("closing", "closed"):
                self._give_up(NO_SCHEDULER)
            elif not self._pending or self._is_manned():
                manned_at = time.monotonic()
            elif time.monotonic() - manned_at > WORKERS_WITHIN_S:
                self._give_up(f"the scheduler has had no worker for {WORKERS_WITHIN_S:g} s")
                manned_at = time.monotonic()

    def _again(self, job: jobs.Job) -> None:
        if job.promised.cancelled() or job.is_hopeless(CAUSE):
            self._pending.discard(job)
        else:
            self._begin(job)

    def _give_up(self, why: str) -> None:
        for job in tuple(self._pending):
            self._pending.discard(job)
            job.fail(jobs.Unreachable(f"--executor {self._address}: {why}; what is in the notebook stands"))

    def _is_manned(self) -> bool:
        """Whether the scheduler has any worker; yes while it is being connected to, which has an end of its own."""
        try:
            return self._client.status == "connecting" or bool(self._client.nthreads())
        except (OSError, AttributeError):  # its connection was lost this very moment
            return True

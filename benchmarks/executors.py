"""What it costs to simulate elsewhere: the same jobs in this process, in two local workers, and in two of Dask.

python benchmarks/executors.py [--trace ...]; figures stand in docs/decisions/executors.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pickle
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from glia_operator.adapters import dask_job, executors
from glia_operator.research import marking
from glia_sim import fleet_file, trial
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent import futures

POLICIES = ("llq", "expert", "hra-spf", "hra-spf-aged")
METRIC = ("charged.e2e.mean",)
DASK = [sys.executable, "-m", "dask"]


def main() -> None:
    """Print a line for each place."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fleet", default="paper-a10x4")
    parser.add_argument("--trace", default="synthetic:paper?requests=4000&seed=1")
    parser.add_argument("--jobs", type=int, default=60)
    asked = parser.parse_args()
    machines, workload = fleet_file.load(asked.fleet), readers.read(asked.trace)
    compiled = tuple(programs.compile(document.load(name)) for name in POLICIES)
    jobs = [trial.Trial(machines=machines, workload=workload, programs=compiled, seed=k) for k in range(asked.jobs)]
    whole, (content, _) = pickle.dumps(jobs[0]), dask_job.pack(marking.play, (jobs[0], METRIC), {})
    print(f"a job: {len(whole)} bytes with its workload, {len(content)} without")
    places = {"this process": executors.Settings(processes=1), "two local workers": executors.Settings(processes=2)}
    with cluster() as address:
        places["two Dask workers"] = executors.Settings(where=address)
        answers = [measured(name, place, jobs) for name, place in places.items()]
    print("the same answers" if answers[0] == answers[1] == answers[2] else "DIFFERENT ANSWERS")


def measured(name: str, place: executors.Settings, jobs: list[trial.Trial]) -> list[list[list[float]]]:
    """Answers of the jobs; prints how long opening, an empty job and the jobs take."""
    began = time.perf_counter()
    with executors.open_executor(place) as executor:
        answers(executor, jobs[:2])
        opened = time.perf_counter()
        for done in [executor.submit(pow, 2, k) for k in range(200)]:
            done.result()
        empty = time.perf_counter()
        answers(executor, jobs)
        first = time.perf_counter()
        found = answers(executor, jobs)
        second = time.perf_counter()
    print(
        f"{name}: ready after {opened - began:.1f} s; an empty job {(empty - opened) / 200 * 1000:.2f} ms; "
        f"{len(jobs)} jobs of {len(POLICIES)} simulations {first - empty:.2f} s, again {second - first:.2f} s",
        flush=True,
    )
    return found


def answers(executor: futures.Executor, jobs: list[trial.Trial]) -> list[list[list[float]]]:
    """Of all jobs, asked for at once."""
    return [done.result() for done in [executor.submit(marking.play, job, METRIC) for job in jobs]]


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """A scheduler and two workers on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    worker = ["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    wanted = [["scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"], worker, worker]
    processes = [subprocess.Popen([*DASK, *words], stderr=subprocess.DEVNULL, env=os.environ) for words in wanted]  # noqa: S603
    try:
        yield address
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()

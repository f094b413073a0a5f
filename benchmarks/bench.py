"""Speed of the twin: writes `benchmarks/results.md`. Figures are medians of several runs in one process each.

Usage: python benchmarks/bench.py [--data FOLDER] [--out FILE]
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import numpy as np

from glia_sim import fleet as fleets
from glia_sim import fleet_file
from glia_sim.engine import run
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers, trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = pathlib.Path(__file__).resolve().parent
REPEATS = 5
POLICIES = ("llq", "hra-spf")
TIGHT_BLOCKS = 1500
RATE_PER_REPLICA = 5.5  # requests/s of the conversation lengths that keep an A100 busy and stable
Line = tuple[str, ...]


def table(header: Line, rows: list[Line]) -> str:
    """A Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row to be: a workload on a fleet under a policy of the catalogue."""

    name: str
    fleet: fleets.Fleet
    workload: trace.Workload
    policy: str

    def timed(self) -> tuple[float, run.Run]:
        """Process CPU seconds of the simulation, and what came of it."""
        program = programs.compile(document.load(self.policy))
        before = time.process_time()
        result = run.simulate(self.fleet, self.workload, program)
        return time.process_time() - before, result


def speeds(cases: list[Case]) -> list[Line]:
    """A row for each case. They take turns, for a machine that changes its speed would spoil ratios between rows."""
    results = [case.timed()[1] for case in cases]  # this loads the machine code
    rounds = [[case.timed()[0] for case in cases] for _ in range(REPEATS)]
    medians = [statistics.median(spent) for spent in zip(*rounds, strict=True)]
    return [_line(*row) for row in zip(cases, medians, results, strict=True)]


def _line(case: Case, spent: float, result: run.Run) -> Line:
    mean = float(np.nanmean(result.finish_s - result.arrival_s))
    return (
        case.name,
        case.policy,
        f"{case.workload.requests:,}",
        f"{spent * 1e3:.1f}",
        f"{case.workload.requests / spent:,.0f}",
        f"{result.iterations / spent / 1e6:.2f} M",
        f"{mean:.2f}",
    )


SPEED_HEADER = ("case", "policy", "requests", "CPU ms", "requests per CPU-s", "steps per CPU-s", "mean E2E s")


def resized(fleet: fleets.Fleet, *, count: int | None = None, num_blocks: int | None = None) -> fleets.Fleet:
    """The fleet with another number of replicas or of KV blocks."""
    group = fleet.groups[0]
    engine = dataclasses.replace(group.engine, num_blocks=num_blocks or group.engine.num_blocks)
    return dataclasses.replace(fleet, groups=(dataclasses.replace(group, count=count or group.count, engine=engine),))


def grown(workload: trace.Workload, requests: int, rate: float) -> trace.Workload:
    """Poisson arrivals at `rate` with lengths drawn from a workload's rows."""
    rng = np.random.default_rng(7)
    rows = rng.integers(0, workload.requests, requests)
    arrivals = np.cumsum(rng.exponential(1.0 / rate, requests))
    return trace.plain("grown", arrivals, workload.prompt_tokens[rows], workload.output_tokens[rows])


def settings(conversation: trace.Workload, paper: trace.Workload, prefixes: trace.Workload) -> list[Case]:
    """Ample and tight KV on the conversation trace, the published operating point, and a prefix cache at work."""
    a100 = fleet_file.load("a100x4")
    rows = (
        ("a100x4, ample KV", a100, conversation),
        (f"a100x4, tight KV ({TIGHT_BLOCKS} blocks)", resized(a100, num_blocks=TIGHT_BLOCKS), conversation),
        ("paper-a10x4", fleet_file.load("paper-a10x4"), paper),
        (f"a100x4, {prefixes.prompt_tokens.mean():,.0f} prompt tokens in a prefix cache", a100, prefixes),
    )
    return _each_policy(rows)


def growth(conversation: trace.Workload) -> list[Case]:
    """From 1 k to 100 k requests, and from 4 to 256 replicas with the load scaled to the fleet."""
    a100 = fleet_file.load("a100x4")
    longer = [(f"{requests:,} requests, 4 replicas", requests, 4) for requests in (1_000, 10_000, 100_000)]
    wider = [(f"20,000 requests, {count} replicas", 20_000, count) for count in (4, 16, 64, 256)]
    return _each_policy(
        (name, resized(a100, count=count), grown(conversation, requests, count * RATE_PER_REPLICA))
        for name, requests, count in (*longer, *wider)
    )


def _each_policy(rows: Iterable[tuple[str, fleets.Fleet, trace.Workload]]) -> list[Case]:
    return [
        Case(name=name, fleet=fleet, workload=workload, policy=policy)
        for name, fleet, workload in rows
        for policy in POLICIES
    ]


def child(arguments: list[str], cache: str | None = None) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MiB of a child process."""
    environment = dict(os.environ) if cache is None else {**os.environ, "NUMBA_CACHE_DIR": cache}
    begin = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} ended with status {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def write_csv(folder: str, workload: trace.Workload) -> str:
    """The workload as a file of the documented format."""
    path = pathlib.Path(folder) / "trace.csv"
    rows = zip(workload.arrival_s, workload.prompt_tokens, workload.output_tokens, strict=True)
    path.write_text("arrival_s,prompt_tokens,output_tokens\n" + "".join(f"{a:.6f},{p},{o}\n" for a, p, o in rows))
    return str(path)


def processes(conversation: trace.Workload) -> Iterator[Line]:
    """Whole processes: start of the command line, cold and warm, and 100 k requests."""
    glia = str(pathlib.Path(sys.executable).parent / "glia")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
        big = write_csv(folder, grown(conversation, 100_000, 4 * RATE_PER_REPLICA))
        compare = [glia, "compare", "--fleet", "a100x4", "--json", "--policies"]
        small = ["llq,hra-spf", "--trace", "synthetic:paper?requests=1000"]
        cases = (
            ("glia compare, 2 policies x 1,000 requests, cold cache", [*compare, *small]),
            ("the same, warm cache", [*compare, *small]),
            ("glia compare, llq x 100,000 requests, warm cache", [*compare, "llq", "--trace", big]),
        )
        for name, arguments in cases:
            wall, cpu, peak = child(arguments, cache)
            yield name, f"{wall:.2f}", f"{cpu:.2f}", f"{peak:.0f}"


def conditions(*, recorded: bool) -> str:
    """What the figures were measured on, and how."""
    return (
        f"`make bench`; {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"one core used. Medians of {REPEATS} runs of process CPU time, the rows of a table in turn; "
        "the machine is shared, so read ratios. "
        f"Traces: {'the recorded ones' if recorded else 'synthetic stand-ins, the recorded ones are not here'}."
    )


def main() -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=str(ROOT.parent.parent / "shared" / "data"))
    parser.add_argument("--out", default=str(ROOT / "results.md"))
    arguments = parser.parse_args()
    data = pathlib.Path(arguments.data)
    recorded = data.is_dir()
    conversation = readers.read(data / "conv_24qps_5000.csv" if recorded else "synthetic:chat-poisson?requests=5000")
    paper = readers.read(data / "sharegpt_12.0.csv", time_scale=1.6) if recorded else readers.read("synthetic:paper")
    shared = data / "mooncake_conversation_trace.jsonl" if recorded else "synthetic:shared-prefix"
    prefixes = readers.read(shared, limit=500)
    # First, while this process is small: Linux counts what a parent held when it forked as its child's peak.
    whole = list(processes(conversation))
    page = [
        "# Speed of the twin",
        conditions(recorded=recorded),
        "## Requests and engine steps",
        table(SPEED_HEADER, speeds(settings(conversation, paper, prefixes))),
        "## Growth",
        table(SPEED_HEADER, speeds(growth(conversation))),
        "## Whole processes",
        table(("command", "wall s", "CPU s", "peak MiB"), whole),
        f"Peak memory of this benchmark: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB.",
    ]
    pathlib.Path(arguments.out).write_text("\n\n".join(page) + "\n")
    sys.stdout.write(pathlib.Path(arguments.out).read_text())


if __name__ == "__main__":
    main()

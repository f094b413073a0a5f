"""Measure every table and write the page.

Each finished table is kept in the output folder; Ctrl-C at any time, and the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import pathlib
import resource
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from glia_operator.adapters import local_pool
from glia_operator.cli import files
from glia_sim import faults
from paper import asking, chart, page, shelf, tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent import futures

ROOT = pathlib.Path(__file__).resolve().parents[2]
INTERRUPTED = 130
TABLES = (
    "routers",
    "heldout",
    "spread",
    "live",
    "discovery",
    "story",
    "scheduler",
    "autoscaling",
    "stack",
    "seventy",
    "robustness",
    "adaptation",
    "strategies",
)
"""Modules of this package with a table, in the page's order."""


class Module(Protocol):
    """A module with a table.

    Attributes:
        TITLE: its heading, shown where it cannot be run.
        DATA: files of the data folder that it reads.
    """

    TITLE: str
    DATA: tuple[str, ...]

    def table(self, asked: asking.Asked, /) -> tables.Table:
        """Measure it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where things stand, and how many processes simulate."""

    data: pathlib.Path
    out: pathlib.Path
    workers: int
    say: Callable[[str], None]


def finished(name: str, bench: Bench) -> shelf.Finished:
    """The table of that name: from the output folder, or measured now and kept there."""
    module = cast("Module", importlib.import_module(f"paper.{name}"))
    key = shelf.key(name, TABLES, [bench.data / file for file in module.DATA])
    path = bench.out / "tables" / f"{name}-{key}.json"
    known = shelf.recall(path)
    if known is not None:
        bench.say(f"{name}: recalled")
        return known
    found = _measured(module, bench, lambda doing: bench.say(f"{name}: {doing}"))
    shelf.keep(path, found)
    bench.say(f"{name}: {found.wall_s:.0f} s, {found.cpu_s:.0f} s of processor time")
    return found


def _measured(module: Module, bench: Bench, progress: Callable[[str], None]) -> shelf.Finished:
    began, before = time.monotonic(), _cpu_s()
    table, not_run = None, ""
    try:
        with _pool(bench.workers) as pool:
            table = module.table(asking.Asked(data=bench.data, out=bench.out, executor=pool, progress=progress))
    except tables.NotRun as missing:
        not_run = str(missing)
    wall_s, cpu_s = time.monotonic() - began, _cpu_s() - before
    return shelf.Finished(table=table, not_run=not_run, wall_s=wall_s, cpu_s=cpu_s)


def _cpu_s() -> float:
    """Processor seconds of this process and of its workers that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[futures.Executor]:
    """Worker processes, gone when this ends, so that what they used is counted."""
    pool = local_pool.Pool(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m paper", description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared" / "data", help="recorded traces")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "glia-out" / "paper", help="results so far")
    parser.add_argument("--page", type=pathlib.Path, default=ROOT / "docs" / "results.md", help="the page to write")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that simulate")
    parser.add_argument("--only", action="append", choices=TABLES, help="print this table and leave the page alone")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked; the exit code."""
    options = _options(arguments)
    bench = Bench(data=options.data, out=options.out / shelf.version(), workers=options.workers, say=_say)
    try:
        found = {name: finished(name, bench) for name in options.only or TABLES}
    except KeyboardInterrupt:
        _say("interrupted; the same command goes on where it stopped")
        return INTERRUPTED
    except faults.InputFault as fault:
        _say(str(fault))
        return 2
    titles = {name: importlib.import_module(f"paper.{name}").TITLE for name in found}
    if options.only:
        sys.stdout.write("\n".join(page.section(titles[name], found[name]) for name in found))
    else:
        files.write(options.page, page.render(titles, found))
        drawn = found.get(page.DRAWN)
        if drawn is not None and drawn.table is not None:
            files.write(options.page.with_suffix(".svg"), chart.bars(drawn.table))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Read a trace, whatever its format; docs/traces.md documents every one."""

from __future__ import annotations

import math
import pathlib

from glia_sim import faults, text_file
from glia_sim.workload import azure_csv, mooncake_jsonl, synthetic, token_csv, trace

MAX_BYTES = 2**30


def read(
    name: str | pathlib.Path, *, time_scale: float = 1.0, start: float = 0.0, limit: int | None = None
) -> trace.Workload:
    """The requests of a trace file, or of `synthetic:NAME?key=value&...`.

    Args:
        name: path of the file, or a synthetic workload's address.
        time_scale: arrival times are multiplied by this after `start` and `limit` have cut the trace; > 0.
        start: seconds into the trace as it is written; earlier requests are dropped and this moment becomes second 0.
        limit: keep at most so many requests; None = all.

    Raises:
        InputFault: naming the file, the line, what was received and what would be right.
    """
    place = str(name)
    _check_cut(place, time_scale, start, limit)
    workload = synthetic.make(place) if place.startswith(synthetic.SCHEME) else _file(pathlib.Path(name), place)
    return _cut(workload, place, time_scale, start, limit)


def parse(
    text: str, place: str, *, time_scale: float = 1.0, start: float = 0.0, limit: int | None = None
) -> trace.Workload:
    """The requests in the text of a trace file; `place` names it in messages, and the rest is as in `read`."""
    _check_cut(place, time_scale, start, limit)
    return _cut(_formats(text.replace("\r\n", "\n"), place), place, time_scale, start, limit)


def _cut(workload: trace.Workload, place: str, time_scale: float, start: float, limit: int | None) -> trace.Workload:
    if start == 0 and limit is None:
        return workload.scaled(time_scale)
    cut = workload.limited(start, limit)
    if cut.requests == 0:
        raise faults.InputFault(
            f"{place}: no request arrives {start:g} s into the trace or later; its last one arrives at "
            f"{workload.arrival_s[-1]:g} s"
        )
    return cut.scaled(time_scale)


def _check_cut(place: str, time_scale: float, start: float, limit: int | None) -> None:
    if not (math.isfinite(time_scale) and time_scale > 0):
        raise faults.InputFault(f"{place}: time scale {time_scale} must be a finite number above 0")
    if not (math.isfinite(start) and start >= 0):
        raise faults.InputFault(f"{place}: start {start} must be a finite number of seconds, 0 or more")
    if limit is not None and limit < 1:
        raise faults.InputFault(f"{place}: limit {limit} must be 1 request or more")


def _file(path: pathlib.Path, place: str) -> trace.Workload:
    text = text_file.read(path, what="a trace", most_bytes=MAX_BYTES).replace("\r\n", "\n")
    return _formats(text, place)


def _formats(text: str, place: str) -> trace.Workload:
    if not text.strip():
        raise faults.InputFault(f"{place}: the file is empty; docs/traces.md lists the formats")
    if text.lstrip()[0] in "{[":
        return mooncake_jsonl.parse(text, place)
    header = text.partition("\n")[0]
    columns = tuple(column.strip().strip('"') for column in header.split(","))
    if columns == azure_csv.COLUMNS:
        return azure_csv.parse(text, place)
    return token_csv.parse(text, columns, place)

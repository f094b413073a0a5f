"""The Azure LLM inference traces: TIMESTAMP,ContextTokens,GeneratedTokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from glia_sim import faults
from glia_sim.workload import rows, trace

if TYPE_CHECKING:
    import numpy.typing as npt

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
ROW = re.compile(
    r"\s*(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:?\d\d)?"
    r"\s*,\s*(\d{1,15})\s*,\s*(\d{1,15})\s*",
    re.ASCII,
)


def parse(text: str, place: str) -> trace.Workload:
    """The requests of an Azure trace; its first request arrives at second 0.

    Raises:
        InputFault: naming the place, the line, what was received and what would be right.
    """
    body = text.partition("\n")[2].rstrip("\n")
    if not body.strip():
        raise faults.InputFault(f"{place}: a header and no rows; a trace has at least one request")
    matches = [ROW.fullmatch(row) for row in body.split("\n")]
    if None in matches:
        raise _refusal(body, matches.index(None), place)
    fields = [match.groups() for match in matches if match]
    lines = np.arange(2, len(fields) + 2)
    arrival_s = _seconds(fields, place)
    tokens = np.array([(int(prompt), int(output)) for *_, prompt, output in fields], np.int64)
    workload = trace.plain(place, arrival_s, tokens[:, 0], tokens[:, 1])
    later = np.concatenate((np.zeros(1, np.bool_), np.diff(arrival_s) < 0))
    stamps = [f"{day} {clock}" for day, clock, *_ in fields]
    rows.refuse(later, place, lines, "TIMESTAMP goes back to {value}; rows must be sorted by arrival", stamps)
    return rows.check(workload, lines, ("the time since the first TIMESTAMP", *COLUMNS[1:]))


def _refusal(body: str, row: int, place: str) -> faults.InputFault:
    text = body.split("\n")[row]
    return faults.InputFault(
        f"{place}, line {row + 2}: {text[:80]!r} is not TIMESTAMP,ContextTokens,GeneratedTokens "
        "such as 2023-11-16 18:15:46.6805900,374,44"
    )


def _seconds(fields: list[tuple[str, ...]], place: str) -> npt.NDArray[np.float64]:
    """Seconds since the first stamp, to the nanosecond; stamps without a zone are all of one zone."""
    try:
        stamps = np.array([f"{day}T{clock}" for day, clock, *_ in fields], "datetime64[ns]")
    except ValueError:
        row = next(i for i, (day, clock, *_) in enumerate(fields) if not _valid(f"{day}T{clock}"))
        stamp = " ".join(fields[row][:2])
        raise faults.InputFault(f"{place}, line {row + 2}: TIMESTAMP is {stamp!r}, no such day or hour") from None
    zones = {zone: _minutes(zone) for zone in {zone for _, _, zone, *_ in fields}}
    east = np.array([zones[zone] for _, _, zone, *_ in fields], "timedelta64[m]")
    elapsed = (stamps - east) - (stamps[0] - east[0])
    seconds: npt.NDArray[np.float64] = elapsed.astype(np.int64) / 1e9
    return seconds


def _valid(stamp: str) -> bool:
    try:
        np.datetime64(stamp, "ns")
    except ValueError:
        return False
    return True


def _minutes(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return -minutes if zone[0] == "-" else minutes

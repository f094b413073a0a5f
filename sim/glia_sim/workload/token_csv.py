"""CSV traces of plain numbers: our own, the oracle's (ours with an `id`), and ShareGPT's in Vidur's layout."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np

from glia_sim import faults
from glia_sim.workload import rows, trace

if TYPE_CHECKING:
    import numpy.typing as npt

    Table = dict[str, npt.NDArray[np.float64]]

OWN = ("arrival_s", "prompt_tokens", "output_tokens")
VIDUR = ("arrived_at", "num_prefill_tokens", "num_decode_tokens")
OPTIONAL = ("id", "priority", "prefix_group", "prefix_tokens")
EXACT = 2.0**53
"""Beyond this, a float64 no longer tells neighbouring integers apart."""


def parse(text: str, columns: tuple[str, ...], place: str) -> trace.Workload:
    """The requests of a CSV text whose first line holds `columns`.

    Raises:
        InputFault: naming the place, the line, what was received and what would be right.
    """
    names = _required(columns, place)
    table, lines = _numbers(text, columns, place)
    for name in columns:
        if name != names[0]:
            _check_integers(table[name], name, place, lines)
    integers = {name: values.astype(np.int64) for name, values in table.items() if name != names[0]}
    nothing = np.zeros(len(lines), np.int64)
    group, shared = integers.get("prefix_group", nothing - 1), integers.get("prefix_tokens", nothing)
    workload = trace.grouped(
        place,
        table[names[0]],
        integers[names[1]],
        integers[names[2]],
        integers.get("priority", nothing),
        group,
        shared,
    )
    rows.check(workload, lines, names)
    _check_prefixes(group, shared, workload.prompt_tokens, place, lines)
    return workload


def _required(columns: tuple[str, ...], place: str) -> tuple[str, str, str]:
    given = set(columns)
    names = VIDUR if given == set(VIDUR) else OWN
    unknown = [name for name in columns if name not in names and name not in OPTIONAL]
    missing = [name for name in names if name not in given]
    if unknown or missing:
        what = f"column {unknown[0][:60]!r} is unknown" if unknown else f"column {missing[0]!r} is missing"
        raise faults.InputFault(
            f"{place}, line 1: {what}; a trace's first line is '{','.join(OWN)}' "
            "with optional ',priority' and ',prefix_group,prefix_tokens', or one of the formats in docs/traces.md"
        )
    if len(given) < len(columns):
        raise faults.InputFault(f"{place}, line 1: a column is named twice: {', '.join(columns)}")
    if ("prefix_group" in given) != ("prefix_tokens" in given):
        raise faults.InputFault(f"{place}, line 1: prefix_group and prefix_tokens belong together; one is missing")
    return names


def _numbers(text: str, columns: tuple[str, ...], place: str) -> tuple[Table, npt.NDArray[np.int64]]:
    body = text.partition("\n")[2].rstrip("\n")
    if not body.strip():
        raise faults.InputFault(f"{place}: a header and no rows; a trace has at least one request")
    try:
        values = np.loadtxt(io.StringIO(body), delimiter=",", comments=None, ndmin=2)
    except ValueError:
        values = np.empty((0, 0))
    count = body.count("\n") + 1
    if values.shape != (count, len(columns)) or not np.isfinite(values).all():
        raise _first_bad_row(body, columns, place)
    return {name: values[:, i] for i, name in enumerate(columns)}, np.arange(2, count + 2)


def _first_bad_row(body: str, columns: tuple[str, ...], place: str) -> faults.InputFault:
    for line, row in enumerate(body.split("\n"), start=2):
        fields = row.split(",")
        if len(fields) != len(columns):
            what = "a blank line" if not row.strip() else f"{len(fields)} fields"
            return faults.InputFault(f"{place}, line {line}: {what}; expected {len(columns)} ({','.join(columns)})")
        for name, field in zip(columns, fields, strict=True):
            if not _finite(field):
                return faults.InputFault(f"{place}, line {line}: {name} is {field.strip()[:60]!r}, not a finite number")
    return faults.InputFault(f"{place}: not a CSV of numbers under {','.join(columns)}")


def _finite(field: str) -> bool:
    try:
        return field.isascii() and "_" not in field and math.isfinite(float(field))
    except ValueError:
        return False


def _check_integers(values: npt.NDArray[np.float64], name: str, place: str, lines: npt.NDArray[np.int64]) -> None:
    rows.refuse(values != np.floor(values), place, lines, f"{name} is {{value}}; it must be a whole number", values)
    rows.refuse(np.abs(values) > EXACT, place, lines, f"{name} is {{value:.0f}}, too large a number", values)


def _check_prefixes(
    group: npt.NDArray[np.int64],
    shared: npt.NDArray[np.int64],
    prompt: npt.NDArray[np.int64],
    place: str,
    lines: npt.NDArray[np.int64],
) -> None:
    rows.refuse(group < -1, place, lines, "prefix_group is {value}; it must be -1 (none), 0 or more", group)
    rows.refuse(shared < 0, place, lines, "prefix_tokens is {value}; it must be 0 or more", shared)
    orphan = (group < 0) & (shared > 0)
    rows.refuse(orphan, place, lines, "prefix_tokens is {value} but prefix_group is -1 (none)", shared)
    rows.refuse(shared > prompt, place, lines, "prefix_tokens is {value}, longer than the prompt", shared)

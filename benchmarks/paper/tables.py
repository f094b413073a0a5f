"""Tables of results: what the paper reports, what was measured here, and their ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from glia_operator.report import numbers

Cell = float | int | str | None
"""A number, words, or nothing."""


class NotRun(Exception):  # noqa: N818 - a table that is not run is a result, not an error
    """The whole table cannot be run here; the message says what is missing and how to provide it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table.

    Attributes:
        label: what was measured.
        ours: the measurement; None where there is none.
        paper: what the paper reports for the same thing; None where it reports nothing.
        interval: of `ours`, 95 % unless the table's notes say otherwise.
        form: how `ours`, `paper` and `interval` are written: "percent" turns 0.2 into 20.0%.
        more: cells under the table's `columns`.
        not_run: why there is no measurement; empty where there is one.
    """

    label: str
    ours: Cell = None
    paper: Cell = None
    interval: tuple[float, float] | None = None
    form: Literal["number", "percent"] = "number"
    more: tuple[Cell, ...] = ()
    not_run: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the paper's, where both are numbers."""
        if isinstance(self.ours, str) or isinstance(self.paper, str) or not self.ours or not self.paper:
            return None
        return self.ours / self.paper


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One result, as docs/results.md shows it.

    Attributes:
        title: a heading.
        command: what gives these numbers again, as typed from the top of the repository.
        seeds: which arrivals, in words.
        measure: what `ours` and `paper` are, with the unit.
        rows: the lines.
        columns: headings of what the rows hold under `more`.
        notes: sentences under the table.
    """

    title: str
    command: str
    seeds: str
    measure: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Every row has a cell under every column, or was not run."""
        for row in self.rows:
            if not row.not_run and len(row.more) != len(self.columns):
                raise ValueError(f"{self.title}, row {row.label!r}: {len(row.more)} cells, {len(self.columns)} columns")


def markdown(table: Table) -> str:
    """The table as a section of a Markdown page."""
    heads = ["", "paper", "ours", "ratio"]
    bounded = any(row.interval for row in table.rows)
    if bounded:
        heads.insert(3, "interval")
    heads += table.columns
    lines = [heads, ["---"] * len(heads), *(_cells(row, len(heads), bounded=bounded) for row in table.rows)]
    missing = dict.fromkeys(row.not_run for row in table.rows if row.not_run)
    told = [*table.notes, *(f"Not run: {because}" for because in missing)]
    parts = [
        f"## {table.title}",
        f"`{table.command}`",
        f"{_sentence(table.measure)} {_sentence(table.seeds)}",
        "\n".join("| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines),
        "\n".join(f"- {note}" for note in told),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def unrun(title: str, because: str) -> str:
    """The section of a table that could not be run."""
    return f"## {title}\n\nNot run: {because}\n"


def _cells(row: Row, columns: int, *, bounded: bool) -> list[str]:
    cells = [row.label, _text(row.paper, row.form), "not run" if row.not_run else _text(row.ours, row.form)]
    if bounded:
        cells.append("-" if row.interval is None else " to ".join(_text(end, row.form) for end in row.interval))
    cells.append("-" if row.ratio is None else f"{row.ratio:.2f}")
    cells += [_text(cell, "number") for cell in row.more]
    return cells + ["-"] * (columns - len(cells))


def _text(cell: Cell, form: str) -> str:
    if cell is None or isinstance(cell, str):
        return cell or "-"
    if form == "percent":
        return numbers.percent(cell)
    return numbers.short(cell) if not float(cell).is_integer() or abs(cell) < 1 else f"{cell:,.0f}"


def _escaped(cell: str) -> str:
    return " ".join(cell.replace("|", "\\|").split())


def _sentence(text: str) -> str:
    return text if not text or text.endswith(".") else f"{text}."


def finite(value: float) -> float | None:
    """A number, or nothing where it has no finite value."""
    return value if math.isfinite(value) else None

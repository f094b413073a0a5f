"""From a table of measured step times to the step-time formula of `hardware.StepTime`."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from glia_sim import faults, hardware

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

COLUMNS = ("prefill_tokens", "decode_batch", "context_len", "prefix", "latency_ms")
FLOORS = (0, 16, 32, 64, 96, 128, 192, 256, 384, 512)
FEWEST_ROWS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A fitted formula and its mean absolute error relative to the measured time."""

    step: hardware.StepTime
    mape: float


def read(path: pathlib.Path, *, where: Mapping[str, str | int]) -> Fit:
    """Fit the rows of a CSV file whose columns hold the values of `where`.

    Args:
        path: a CSV file with `COLUMNS` and others; a column may have a remark in brackets after its name.
        where: for example {"model": "Meta-Llama-3.1-8B", "system": "l40s", "tp": 1}.

    Raises:
        InputFault: naming the file, what was received and what would be right.
    """
    try:
        header, *rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise faults.InputFault(f"{path}: not a readable CSV file: {error}") from error
    names = [name.partition("(")[0].strip() for name in header]
    missing = sorted({*COLUMNS, *where} - set(names))
    if missing:
        raise faults.InputFault(f"{path}, line 1: no column {missing[0]!r}; a latency table has {', '.join(COLUMNS)}")
    wanted = {names.index(name): str(value) for name, value in where.items()}
    kept = [row for row in rows if len(row) == len(names) and all(row[at] == value for at, value in wanted.items())]
    try:
        values = [[float(row[names.index(name)]) for name in COLUMNS] for row in kept]
    except ValueError as error:
        raise faults.InputFault(f"{path}: {error}; {', '.join(COLUMNS)} must be numbers") from None
    return fit(values, place=str(path))


def fit(rows: Sequence[Sequence[float]], *, place: str) -> Fit:
    """Fit rows of (prefill tokens, decoding requests, context tokens of each, prefix tokens before the prefill, ms).

    Coefficients are not negative and minimise squared relative errors; the floor is the best of `FLOORS`.

    Raises:
        InputFault: too few rows, or one that is no measurement.
    """
    if len(rows) < FEWEST_ROWS or any(len(row) != len(COLUMNS) for row in rows):
        raise faults.InputFault(
            f"{place}: {len(rows)} rows; a fit needs {FEWEST_ROWS} or more, each {', '.join(COLUMNS)}"
        )
    table = np.array(rows, np.float64)
    if not np.isfinite(table).all() or (table[:, 4] <= 0).any() or (table[:, :3] < 0).any():
        raise faults.InputFault(f"{place}: rows must hold finite numbers, 0 or more, and a latency above 0")
    return min((_fit(table, floor) for floor in FLOORS), key=lambda one: one.mape)


def _fit(table: npt.NDArray[np.float64], floor: float) -> Fit:
    prefill, batch, context, prefix, took_ms = table.T
    attention = prefill * (np.maximum(prefix, 0.0) + prefill / 2.0)
    above = np.maximum(prefill + batch - floor, 0.0)
    terms = np.column_stack((np.ones(len(table)), above, batch * context, attention, batch))
    scale = np.maximum(np.abs(terms).max(axis=0), 1e-12)
    found, _ = optimize.nnls(terms / scale / took_ms[:, None], np.ones(len(table)))
    base, token, kv, quadratic, each = (found / scale).tolist()
    error = float(np.mean(np.abs(terms @ (found / scale) - took_ms) / took_ms))
    step = hardware.StepTime(
        floor_tokens=floor, base_ms=base, token_ms=token, kv_ms=kv, attention_ms=quadratic, batch_ms=each
    )
    return Fit(step=step, mape=error)

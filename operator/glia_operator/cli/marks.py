"""Marks of a policy as the command line gives them: a JSON object per policy, and a table for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from glia_operator.report import numbers
from glia_sim import score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = dict[str, object]

COLUMNS = (
    ("policy", "policy"),
    ("mean_s", "mean s"),
    ("p50_s", "p50 s"),
    ("p90_s", "p90 s"),
    ("p99_s", "p99 s"),
    ("ttft_mean_s", "TTFT s"),
    ("ttft_p90_s", "TTFT p90"),
    ("restarted_share", "restarted"),
    ("failed", "failed"),
    ("gpu_hours", "GPU h"),
)
SHARES = ("restarted_share",)


def row(policy: str, card: score.Scorecard, cpu_s: float) -> Row:
    """The marks of one policy; latencies are over finished requests, null where none finished."""
    numbers = {
        "mean_s": card.e2e.mean,
        "p50_s": card.e2e.p50,
        "p90_s": card.e2e.p90,
        "p99_s": card.e2e.p99,
        "ttft_mean_s": card.ttft.mean,
        "ttft_p90_s": card.ttft.p90,
        "restarted_share": card.restarted_share,
        "failed": card.failed,
        "gpu_hours": card.gpu_hours,
        "cpu_s": cpu_s,
    }
    finite: Row = score.as_json(numbers)
    return {"policy": policy, "requests": card.requests, **finite}


def dumps(content: Mapping[str, object]) -> str:
    """One line of strict JSON."""
    return json.dumps(content, allow_nan=False)


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text, a line each under a line of titles."""
    lines = [[title for _, title in COLUMNS]]
    lines += [[_cell(key, one[key]) for key, _ in COLUMNS] for one in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return "\n".join(_line(line, widths) for line in lines) + "\n"


def _line(cells: list[str], widths: list[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]).rstrip()


def _cell(key: str, value: object) -> str:
    if value is None:
        return "-"
    if key in SHARES and isinstance(value, float):
        return numbers.percent(value)
    return numbers.short(value) if isinstance(value, float) else str(value)

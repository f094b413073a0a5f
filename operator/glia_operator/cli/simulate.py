"""`glia simulate`: one policy on a trace, with a record of every request for those who want it."""

from __future__ import annotations

import csv
import io
import pathlib
import sys
from typing import TYPE_CHECKING

import numpy as np

from glia_operator.cli import files, marks, measure, scene
from glia_operator.report import numbers
from glia_sim import score
from glia_sim.engine import run as runs
from glia_sim.policy import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glia_operator.cli import cut as cuts

STATUS = {
    runs.FINISHED: "finished",
    runs.HOLD_TIMEOUT: "hold time-out",
    runs.CLIENT_TIMEOUT: "client time-out",
    runs.UNFINISHED: "unfinished",
}
TIMES = ("arrival_s", "dispatch_s", "first_exec_s", "first_token_s", "finish_s", "ideal_s")
COUNTS = ("prompt_tokens", "output_tokens", "cached_tokens", "preemptions", "replica", "picker")


def run(cut: cuts.Cut, name: str, *, requests_out: str | None, as_json: bool) -> None:
    """Print the marks of the policy; write the requests' records where asked."""
    target = None if requests_out is None else files.writable(pathlib.Path(requests_out))
    where = scene.load(cut)
    policy = document.load(name)
    measured = measure.measure(where, name, policy)
    if target is not None:
        files.write(target, records(measured.run))
    row = marks.row(name, measured.card, measured.cpu_s)
    if as_json:
        sys.stdout.write(marks.dumps(row | {"card": score.as_json(measured.card)}) + "\n")
        return
    sys.stdout.write(f"{where.workload.requests} requests of {where.workload.name} on {where.machines.name}\n\n")
    sys.stdout.write(marks.table([row]) + "\n")
    sys.stdout.writelines(_details(measured.card))


def records(run: runs.Run) -> str:
    """CSV with a row per request, in order of arrival; an empty cell is a time that never came."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(("request", *TIMES, *COUNTS, "status"))
    times = [[_time(value) for value in getattr(run, column).tolist()] for column in TIMES]
    counts = [np.asarray(getattr(run, column)).tolist() for column in COUNTS]
    status = [STATUS[value] for value in run.status.tolist()]
    out.writerows(zip(range(len(status)), *times, *counts, status, strict=True))
    return text.getvalue()


def _time(value: float) -> str:
    return repr(value) if value == value else ""  # noqa: PLR0124 - NaN alone differs from itself


def _details(card: score.Scorecard) -> Iterator[str]:
    yield f"{'':12}{'mean':>10}{'p50':>10}{'p90':>10}{'p95':>10}{'p99':>10}\n"
    for measure_name in score.MEASURES:
        found = getattr(card, measure_name)
        values = (found.mean, found.p50, found.p90, found.p95, found.p99)
        unit = "" if measure_name == "slowdown" else " s"
        yield f"{measure_name + unit:12}" + "".join(f"{numbers.short(value):>10}" for value in values) + "\n"
    yield (
        f"\n{card.throughput_rps:.3g} requests/s, {card.tokens_per_s:.4g} tokens/s, KV use {card.kv_used_mean:.1%}, "
        f"{card.restarts} restarts, {card.gpu_hours:.3g} GPU-hours, {card.makespan_s:.4g} s in all\n"
    )

"""Routers at the paper's operating point, on the trace that its authors published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.report import numbers
from glia_sim import fleet_file
from glia_sim.policy import document
from paper import point, tables

if TYPE_CHECKING:
    from glia_sim import score
    from paper import asking

TITLE = "Routers at the operating point, public trace"
DATA = (point.TRACE,)
ROUTERS = (
    ("random", "random", 65.5),
    ("round robin", "rr", 63.3),
    ("least outstanding (fewest waiting)", "least-waiting", 59.6),
    ("LLQ (fewest waiting and running)", "llq", 54.6),
    ("human expert", "expert", 25.6),
    ("HRA, queue by arrival", "hra-fifo", None),
    ("Glia's HRA + SPF", "hra-spf", 24.1),
)
"""Label, policy of the catalogue, and the mean that the authors' code gives (HRA + SPF: as the paper states it)."""
TRANSIENT = (
    "The recorded trace is the first 479 s of the paper's workload and a transient above capacity; the paper's means "
    "are over a longer one."
)
GAP = "`gap closed` is the share of the gap in mean between LLQ and no contention; the aim is 75 % or more."
NO_MODEL = "LLM-in-the-loop search needs a model, and none is configured."
FUNSEARCH, BEST, UNCONTENDED = 32.5, 24.1, 14.1


def table(asked: asking.Asked) -> tables.Table:
    """Every router once, then what this project's study designs."""
    machines, workload = fleet_file.load(point.FLEET), point.recorded(asked)
    cards = {policy: asked.card(machines, workload, document.load(policy)) for _, policy, _ in ROUTERS}
    alone = asked.card(point.sized(machines, point.UNCONTENDED), workload, document.load("llq"))
    outcome = asked.study(point.brief(asked))
    found = asked.card(machines, workload, outcome.best)
    gap = (cards["llq"].e2e.mean, alone.e2e.mean)
    rows = [_row(label, paper, cards[policy], gap) for label, policy, paper in ROUTERS]
    rows.append(tables.Row(label="FunSearch's best", paper=FUNSEARCH, not_run=NO_MODEL))
    rows.append(_row("this project's study, beside Glia's best", BEST, found, gap))
    rows.append(_row(f"no contention ({point.UNCONTENDED} replicas)", UNCONTENDED, alone, gap))
    return tables.Table(
        title=TITLE,
        command=f"glia optimize --fleet {point.FLEET} --trace {point.TRACE} --time-scale {point.TIME_SCALE}",
        seeds="One run of the recorded trace, so without an interval",
        measure="Mean end-to-end time in seconds",
        columns=("p50", "p90", "p99", "restarted", "gap closed"),
        rows=tuple(rows),
        notes=(TRANSIENT, GAP, point.told(outcome)),
    )


def _row(label: str, paper: float | None, card: score.Scorecard, gap: tuple[float, float]) -> tables.Row:
    e2e = card.e2e
    return tables.Row(
        label=label,
        paper=paper,
        ours=e2e.mean,
        more=(
            e2e.p50,
            e2e.p90,
            e2e.p99,
            numbers.percent(card.restarted_share),
            numbers.percent(point.closed(*gap, e2e.mean)),
        ),
    )

"""The same study with five seeds: how much of the gain is luck."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.report import numbers
from glia_sim import fleet_file
from glia_sim.policy import document
from paper import point, routers, tables

if TYPE_CHECKING:
    from paper import asking

TITLE = "Five study seeds"
DATA = (point.TRACE,)
ROOTS = range(5)
LLQ_PAPER = 54.6


def table(asked: asking.Asked) -> tables.Table:
    """A whole study per seed, marked on the recorded trace and on held-out arrivals of that seed."""
    machines, workload, llq = fleet_file.load(point.FLEET), point.recorded(asked), document.load("llq")
    slow = asked.card(machines, workload, llq).e2e.mean
    fast = asked.card(point.sized(machines, point.UNCONTENDED), workload, llq).e2e.mean
    paper = point.closed(LLQ_PAPER, routers.UNCONTENDED, routers.BEST)
    rows = []
    for root in ROOTS:
        asked.progress(f"study seed {root}")
        outcome = asked.study(point.brief(asked, root=root))
        policies = {"llq": llq, "hra-spf": document.load("hra-spf"), "ours": outcome.best}
        marks = point.heldout(asked, machines, workload, policies, root=root)
        here = asked.card(machines, workload, outcome.best)
        rows.append(
            tables.Row(
                label=f"seed {root}",
                paper=paper,
                ours=point.closed(slow, fast, here.e2e.mean),
                form="percent",
                more=(
                    here.e2e.mean,
                    here.e2e.p99,
                    marks["ours"].pooled.e2e.mean,
                    f"{marks['ours'].pooled.e2e.mean / marks['hra-spf'].pooled.e2e.mean:.3f}",
                    f"{point.tail(marks['llq'], marks['ours']):.3f}",
                    len(outcome.experiments),
                    outcome.simulations,
                    "yes" if outcome.verdict.approved else "no",
                ),
            )
        )
    shares = [float(row.ours or 0.0) for row in rows]
    low, high = numbers.percent(min(shares)), numbers.percent(max(shares))
    return tables.Table(
        title=TITLE,
        command=f"glia optimize --fleet {point.FLEET} --trace {point.TRACE} --time-scale {point.TIME_SCALE} --seed N",
        seeds=f"Study seeds {ROOTS[0]} to {ROOTS[-1]}, each with training and held-out seeds of its own",
        measure=(
            "Share of the gap in mean between LLQ and no contention that is closed on the public trace; the paper's is "
            "that of HRA + SPF"
        ),
        columns=(
            "mean",
            "p99",
            "held-out mean",
            "to HRA + SPF",
            "p99 to LLQ",
            "experiments",
            "simulations",
            "approved",
        ),
        rows=tuple(rows),
        notes=(f"The closed share is {numbers.percent(sum(shares) / len(shares))} in the mean, {low} to {high}.",),
    )

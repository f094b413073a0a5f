"""Strategies against one another on equal budgets, at the operating point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.report import numbers
from paper import point, routers, scenarios, tables

if TYPE_CHECKING:
    from paper import asking

TITLE = "Strategies on equal budgets"
DATA = (point.TRACE,)
WITHOUT_MODEL = ("glia", "single", "search", "catalogue")
WITH_MODEL = (("best-of-n", None), ("evolution", 32.5 / 54.6))
"""Strategies that ask a language model, and what the reproduction saw of their kind: FunSearch's mean over LLQ's."""
PAPER = routers.BEST / 54.6
ARTICLE = (
    "The authors' article: of 100 attempts of pure prompting most barely beat LLQ; EoH and OpenEvolve end 1.3 to 1.4 "
    "times and FunSearch 1.6 to 1.7 times above Glia."
)


def table(asked: asking.Asked) -> tables.Table:
    """Every strategy that needs no model; the others say that they were not run."""
    scenario = scenarios.SCENARIOS[0]
    studies = {name: scenario.ask(asked, name) for name in WITHOUT_MODEL}
    outcomes = {name: asked.study(one) for name, one in studies.items()}
    policies = {"llq": studies["glia"].baseline} | {name: one.best for name, one in outcomes.items()}
    marks = point.heldout(asked, studies["glia"].fleet, studies["glia"].workload, policies)
    rows = []
    for name, one in outcomes.items():
        gain, to_glia = point.versus(marks["llq"], marks[name]), point.versus(marks["glia"], marks[name])
        rows.append(
            tables.Row(
                label=name,
                paper=PAPER if name == "glia" else None,
                ours=marks[name].pooled.e2e.mean / marks["llq"].pooled.e2e.mean,
                interval=(1.0 + gain.low, 1.0 + gain.high),
                more=(
                    marks[name].pooled.e2e.mean,
                    f"{point.tail(marks['llq'], marks[name]):.3f}",
                    f"{numbers.signed(to_glia.estimate)} ({numbers.interval(to_glia.low, to_glia.high)})",
                    len(one.experiments),
                    one.simulations,
                    "yes" if one.verdict.approved else "no",
                ),
            )
        )
    rows += [tables.Row(label=name, paper=paper, not_run=routers.NO_MODEL) for name, paper in WITH_MODEL]
    return tables.Table(
        title=TITLE,
        command=f"glia optimize --fleet {point.FLEET} --trace {point.TRACE} --time-scale {point.TIME_SCALE} "
        f"--budget {scenarios.EXPERIMENTS} --strategy NAME",
        seeds=f"Pooled over {point.SEEDS} held-out seeds that no exam sat on; study seed 0",
        measure="Mean end-to-end time as a ratio to LLQ's",
        columns=("mean", "p99 to LLQ", "against glia", "experiments", "simulations", "approved"),
        rows=tuple(rows),
        notes=(ARTICLE,),
    )

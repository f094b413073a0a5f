"""Adaptation to other workloads: the research team against the best that is known, scenario by scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.report import numbers
from paper import point, scenarios, tables

if TYPE_CHECKING:
    from glia_sim import effect
    from paper import asking

TITLE = "Adaptation to other workloads"
DATA = scenarios.DATA
AUTOSCALING = "start-up-limited autoscaling"
METHOD = (
    "Both strategies make the same number of experiments, and each proposes what its exam approves, or the baseline. "
    "Where the 95 % interval, paired by seed, holds no difference, the result is a tie. The aim is to win 4 of 6."
)


def table(asked: asking.Asked) -> tables.Table:
    """Every scenario under `glia` and under `catalogue`."""
    rows = [_row(asked, scenario) for scenario in scenarios.SCENARIOS]
    rows.append(tables.Row(label=AUTOSCALING, not_run="the autoscaling scenario is not defined yet."))
    won = [row.more[-1] for row in rows if not row.not_run]
    return tables.Table(
        title=TITLE,
        command=f"glia optimize --strategy glia|catalogue --budget {scenarios.EXPERIMENTS}, on the fleets and traces "
        "of benchmarks/paper/scenarios.py",
        seeds=f"Pooled over {point.SEEDS} held-out seeds that no exam sat on",
        measure="Mean end-to-end time in seconds that `glia` reaches; the paper reports no such comparison",
        columns=("load", "baseline", "catalogue", "its policy", "glia against catalogue", "p99 to LLQ", "result"),
        rows=tuple(rows),
        notes=(METHOD, f"{won.count('win')} wins, {won.count('tie')} ties, {won.count('loss')} losses."),
    )


def _row(asked: asking.Asked, scenario: scenarios.Scenario) -> tables.Row:
    briefs = {name: scenarios.brief(asked, scenario, strategy=name) for name in ("glia", "catalogue")}
    policies = {"llq": briefs["glia"].baseline}
    for name, one in briefs.items():
        asked.progress(f"{scenario.name}: {name}")
        policies[name] = asked.study(one).best
    marks = point.heldout(asked, briefs["glia"].fleet, briefs["glia"].workload, policies)
    gain = point.versus(marks["catalogue"], marks["glia"])
    return tables.Row(
        label=f"{scenario.name}: short of {scenario.short_of}",
        ours=marks["glia"].pooled.e2e.mean,
        more=(
            f"{scenarios.load(asked, scenario):.2f}",
            marks["llq"].pooled.e2e.mean,
            marks["catalogue"].pooled.e2e.mean,
            policies["catalogue"].name,
            f"{numbers.signed(gain.estimate)} ({numbers.interval(gain.low, gain.high)})",
            f"{point.tail(marks['llq'], marks['glia']):.3f}",
            result(gain),
        ),
    )


def result(gain: effect.Effect) -> str:
    """Whether the candidate is lower by more than noise."""
    if gain.low <= 0.0 <= gain.high:
        return "tie"
    return "win" if gain.high < 0.0 else "loss"

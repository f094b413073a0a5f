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
METHOD = (
    "Both strategies make the same number of experiments, and each proposes what its exam approves, or the baseline. "
    "Where the 95 % interval, paired by seed, holds no difference, the result is a tie. The aim is to win 4 of 6."
)


def table(asked: asking.Asked) -> tables.Table:
    """Every scenario under `glia` and under `catalogue`."""
    rows = [_row(asked, scenario) for scenario in scenarios.SCENARIOS]
    results = [row.more[-1] for row in rows if not row.not_run]
    count = ", ".join(f"{name}: {results.count(name)}" for name in ("win", "tie", "loss"))
    return tables.Table(
        title=TITLE,
        command=(
            f"glia optimize --strategy glia|catalogue --budget {scenarios.EXPERIMENTS}, on the fleets and traces of "
            "benchmarks/paper/scenarios.py"
        ),
        seeds=f"Pooled over {point.SEEDS} held-out seeds that no exam sat on",
        measure="What `glia` reaches: mean end-to-end time in seconds, or GPU-hours; the paper has no such comparison",
        columns=("LLQ", "catalogue", "catalogue's policy", "glia to catalogue", "interval", "p99 to LLQ", "result"),
        rows=tuple(rows),
        notes=(METHOD, f"{count}."),
    )


def _row(asked: asking.Asked, scenario: scenarios.Scenario) -> tables.Row:
    label = f"{scenario.name}: short of {scenario.short_of}"
    try:
        briefs = {name: scenario.ask(asked, name) for name in ("glia", "catalogue")}
    except tables.NotRun as missing:
        return tables.Row(label=label, not_run=str(missing))
    policies = {"llq": briefs["glia"].baseline}
    for name, one in briefs.items():
        asked.progress(f"{scenario.name}: {name}")
        policies[name] = asked.study(one).best
    question = briefs["glia"]
    marks = point.heldout(asked, question.fleet, question.workload, policies)
    gain = point.versus(marks["catalogue"], marks["glia"], question.objective.metric)
    values = {name: point.mean(one, question.objective.metric) for name, one in marks.items()}
    return tables.Row(
        label=label,
        ours=values["glia"],
        more=(
            values["llq"],
            values["catalogue"],
            policies["catalogue"].name,
            numbers.signed(gain.estimate),
            numbers.interval(gain.low, gain.high),
            f"{point.tail(marks['llq'], marks['glia']):.3f}",
            result(gain),
        ),
    )


def result(gain: effect.Effect) -> str:
    """Whether the candidate is lower by more than noise."""
    if gain.low <= 0.0 <= gain.high:
        return "tie"
    return "win" if gain.high < 0.0 else "loss"

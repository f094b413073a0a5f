"""The batch scheduler as the only thing tuned: the router stays LLQ, and only vLLM's priority key is designed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from glia_operator.report import numbers
from glia_sim import fleet_file
from glia_sim.policy import document
from paper import point, tables

if TYPE_CHECKING:
    from paper import asking

TITLE = "The batch scheduler alone"
DATA = (point.TRACE,)
EXPERIMENTS = 6
PAPER_GAIN = 0.25
ARRIVAL = "by arrival (LLQ, fcfs)"
LENGTH = "by prompt length alone"
OURS = "this project's study"
PRIORITY = (
    "A policy with a scheduler program makes replicas run vLLM's `--scheduling-policy priority`: its key decides who "
    "is admitted first and, where memory runs out, who is preempted first. Without one this fleet is first come, first "
    "served."
)
AIM = (
    "The paper orders waiting requests by prefill length inside vLLM, which does not decide who is preempted. The aim "
    "here is 20 % or more, with a p99 ratio of at most 1."
)


def table(asked: asking.Asked) -> tables.Table:
    """Arrival order, prompt length as it is, and the key that a study designs."""
    machines, workload = fleet_file.load(point.FLEET), point.recorded(asked)
    brief = replace(point.brief(asked, experiments=EXPERIMENTS), tunes=frozenset({"scheduler"}))
    outcome = asked.study(brief)
    policies = {ARRIVAL: document.load("llq"), LENGTH: document.load("spf-priority"), OURS: outcome.best}
    marks = point.heldout(asked, machines, workload, policies)
    return tables.Table(
        title=TITLE,
        command="make paper PAPER='--only scheduler'",
        seeds=f"Pooled over {point.SEEDS} held-out seeds that no exam sat on",
        measure="How much lower the mean end-to-end time is than in order of arrival, mean over seeds",
        columns=("mean, s", "p50", "p90", "p99", "restarted", "p99 to arrival order"),
        rows=tuple(_row(name, marks) for name in policies),
        notes=(PRIORITY, AIM, point.told(outcome), *(f"The exam: {reason}." for reason in outcome.verdict.reasons)),
    )


def _row(name: str, marks: dict[str, point.Marks]) -> tables.Row:
    one, gain = marks[name], point.versus(marks[ARRIVAL], marks[name])
    card = one.pooled
    return tables.Row(
        label=name,
        paper=None if name == ARRIVAL else PAPER_GAIN,
        ours=None if name == ARRIVAL else -gain.estimate,
        interval=None if name == ARRIVAL else (-gain.high, -gain.low),
        form="percent",
        more=(
            card.e2e.mean,
            card.e2e.p50,
            card.e2e.p90,
            card.e2e.p99,
            numbers.percent(card.restarted_share),
            f"{point.tail(marks[ARRIVAL], one):.3f}",
        ),
    )

"""The study at the operating point, experiment by experiment: what was predicted and what was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.report import numbers
from paper import point, tables

if TYPE_CHECKING:
    from glia_operator.research import outcome as outcomes
    from paper import asking

TITLE = "The study at the operating point, experiment by experiment"
DATA = (point.TRACE,)
PAPER = 0.425
"""Improvement over LLQ that the authors' article reports of HRA + SPF, after 20 simulations."""


def table(asked: asking.Asked) -> tables.Table:
    """Every experiment in order, then the exam."""
    outcome = asked.study(point.brief(asked))
    exam = tables.Row(
        label="the exam, on held-out seeds",
        paper=PAPER,
        ours=outcome.verdict.improvement,
        interval=outcome.verdict.interval,
        form="percent",
        more=(
            "",
            "",
            f"{outcome.verdict.heldout.tail.ratio:.3f}",
            "approved" if outcome.verdict.approved else "refused",
        ),
    )
    said = tuple(
        f"{turn.role.capitalize()}: {turn.text}"
        for turn in outcome.turns
        if turn.role == "supervisor" and turn.act != "approve"
    )
    return tables.Table(
        title=TITLE,
        command=f"glia optimize --fleet {point.FLEET} --trace {point.TRACE} --time-scale {point.TIME_SCALE}",
        seeds="Experiments: 30 training seeds; exam: 20 held-out seeds",
        measure="Improvement of the mean end-to-end time over LLQ; the paper's is HRA + SPF's on an earlier workload",
        columns=("hypothesis", "predicted", "p99 to LLQ", ""),
        rows=(*(_row(one) for one in outcome.experiments), exam),
        notes=said,
    )


def _row(one: outcomes.Experiment) -> tables.Row:
    found = one.effect
    return tables.Row(
        label=f"{one.number}. {one.title}",
        ours=None if found is None else -found.estimate,
        interval=None if found is None else (-found.high, -found.low),
        form="percent",
        more=(
            one.hypothesis,
            "-" if one.predicted is None else numbers.signed(one.predicted),
            f"{one.p99_ratio:.3f}",
            "kept" if one.kept else "not kept",
        ),
    )

"""Rows of the report's tables, their numbers already words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.report import numbers

if TYPE_CHECKING:
    from glia_operator.report import story
    from glia_sim import effect, goal, verdict

Row = dict[str, object]

SUMMARY = (
    ("mean end-to-end, s", "e2e.mean"),
    ("p50 end-to-end, s", "e2e.p50"),
    ("p90 end-to-end, s", "e2e.p90"),
    ("p99 end-to-end, s", "e2e.p99"),
    ("mean time to first token, s", "ttft.mean"),
    ("p90 time to first token, s", "ttft.p90"),
    ("mean queue time, s", "queue.mean"),
    ("mean time between tokens, s", "itl.mean"),
    ("p95 slowdown", "slowdown.p95"),
    ("requests per second", "throughput_rps"),
    ("restarted requests, share", "restarted_share"),
    ("failed requests", "failed"),
    ("KV use, mean share", "kv_used_mean"),
    ("GPU-hours", "gpu_hours"),
)


def summary(told: story.Story) -> list[Row]:
    """The marks of baseline and best on held-out seeds, side by side."""
    rows: list[Row] = []
    for label, metric in SUMMARY:
        old, new = told.outcome.baseline_card.value(metric), told.outcome.best_card.value(metric)
        shown = numbers.percent if label.endswith("share") else numbers.short
        changed = numbers.signed(new / old - 1) if old else "-"
        rows.append({"label": label, "baseline": shown(old), "best": shown(new), "change": changed})
    return rows


def experiments(told: story.Story) -> list[Row]:
    """Every experiment in the order they were made."""
    return [
        {
            "number": one.number,
            "title": one.title,
            "hypothesis": one.hypothesis,
            "addresses": one.addresses,
            "gain": _gain(one.effect, told.objective),
            "p99": numbers.short(one.p99_ratio),
            "simulations": one.simulations,
            "finding": one.finding,
            "kept": one.kept,
        }
        for one in told.outcome.experiments
    ]


def sections(told: story.Story) -> list[Row]:
    """Every section of the exam, the held-out seeds first."""
    examined = told.outcome.verdict
    return [_section(one, told) for one in (examined.heldout, *examined.robustness)]


def _section(section: verdict.Section, told: story.Story) -> Row:
    held = [
        f"{constraint}: {constraint.amount(section.candidate.value(constraint.metric))}"
        for constraint in told.constraints
    ]
    return {
        "title": section.title,
        "seeds": section.objective.seeds,
        "gain": _gain(section.objective, told.objective),
        "tail": numbers.short(section.tail.ratio),
        "baseline": numbers.short(section.objective.baseline),
        "best": numbers.short(section.objective.candidate),
        "failed": f"{section.baseline.failed} / {section.candidate.failed}",
        "constraints": held,
    }


def _gain(found: effect.Effect | None, objective: goal.Objective) -> tuple[str, str]:
    """An effect as an improvement, and its interval."""
    if found is None:
        return "not measured", ""
    low, high = sorted((objective.improvement(found.low), objective.improvement(found.high)))
    return numbers.signed(objective.improvement(found.estimate)), numbers.interval(low, high)

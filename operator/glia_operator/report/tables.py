"""Rows of the report's tables, their numbers already words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.report import numbers, turning
from glia_operator.research import outcome as outcomes

if TYPE_CHECKING:
    from glia_operator.report import story
    from glia_operator.research import ablation as ablations
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
    return [_experiment(told, one) for one in told.outcome.experiments]


def controls(told: story.Story) -> list[Row]:
    """The known policies that were tuned on the same budget, after the best of the study's own."""
    own = [one for one in told.outcome.experiments if not turning.is_control(one)]
    best = min(own, key=lambda one: one.cost, default=None)
    known = [one for one in told.outcome.experiments if turning.is_control(one)]
    shown = [best, *known] if best is not None and known else known
    return [_experiment(told, one) | {"cost": f"{one.cost:+z.3f}", "own": one is best} for one in shown]


def _experiment(told: story.Story, one: outcomes.Experiment) -> Row:
    missed = outcomes.missed(one)
    return {
        "number": one.number,
        "title": one.title,
        "hypothesis": one.hypothesis,
        "addresses": "" if turning.is_control(one) else one.addresses,
        "predicted": "-" if one.predicted is None else numbers.signed(one.predicted),
        "gain": _gain(one.effect, told.objective),
        "missed": "" if missed is None else numbers.points(missed),
        "surprise": turning.is_surprise(one),
        "p99": numbers.short(one.p99_ratio),
        "simulations": one.simulations,
        "finding": one.finding,
        "kept": one.kept,
        "tag": turning.tag(one),
        "kind": turning.tag(one).replace(" ", "-"),
    }


def ablation(told: story.Story) -> list[Row]:
    """Every part of the policy that was examined last, with what is left without it."""
    return [
        {
            "part": one.part,
            "without": numbers.signed(one.improvement),
            "whole": numbers.signed(one.whole),
            "lost": numbers.points(one.improvement - one.whole),
            "cost": f"{one.cost:+z.3f}",
            "whole_cost": f"{one.whole_cost:+z.3f}",
            "words": _worth(told, one),
        }
        for one in told.outcome.ablation
    ]


def _worth(told: story.Story, one: ablations.Without) -> str:
    if one.policy.digest == told.outcome.best.digest:
        return "As good without it, so it was left out."
    if one.needless:
        return "As good without it."
    if one.barred:
        return "Without it the exam would object: the policy costs more than the baseline."
    return "It helps."


def sections(told: story.Story) -> list[Row]:
    """Every section of the exam, the held-out seeds first."""
    examined = told.outcome.verdict
    return [_section(one, told) for one in (examined.heldout, *examined.robustness)]


def _section(section: verdict.Section, told: story.Story) -> Row:
    held = [
        f"{constraint}: {constraint.amount(constraint.value(section.candidate))}" for constraint in told.constraints
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

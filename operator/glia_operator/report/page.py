"""The page: everything the story holds, escaped, with plotly.js inside the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import jinja2
from plotly import offline

from glia_operator.report import effects, figures, numbers, tables, talk, turning
from glia_sim.policy import change

if TYPE_CHECKING:
    from glia_operator.report import story
    from glia_operator.research import outcome as outcomes
    from glia_sim.policy import document

_DIFF_KINDS = (("+++", "file"), ("---", "file"), ("@@", "place"), ("+", "new"), ("-", "old"))


def render(told: story.Story) -> str:
    """One HTML document that needs no network."""
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("glia_operator.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"short": numbers.short, "percent": numbers.percent, "signed": numbers.signed}
    return pages.get_template("template.html").render(
        story=told,
        outcome=told.outcome,
        verdict=told.outcome.verdict,
        headline=headline(told),
        summary=tables.summary(told),
        found=_found(told.outcome),
        points=turning.points(told),
        conversation=talk.conversation(told),
        experiments={row["number"]: row for row in tables.experiments(told)},
        misses=turning.misses(told),
        controls=tables.controls(told),
        changes=changes(told.outcome.baseline, told.outcome.best),
        nearest=_nearest(told.outcome),
        ablation=tables.ablation(told),
        sections=tables.sections(told),
        figures=_figures(told),
        plotly=_script(offline.get_plotlyjs()),
    )


def _figures(told: story.Story) -> dict[str, figures.Figure]:
    """The plots by the name of their place on the page."""
    return {
        "experiments": effects.experiments(told),
        "ablation": effects.ablation(told),
        "exam": effects.exam(told),
        "e2e": figures.cdf(told, "e2e"),
        "ttft": figures.cdf(told, "ttft"),
        "kv": figures.kv(told),
        "held": figures.queues(told, "held"),
        "waiting": figures.queues(told, "waiting"),
    }


def changes(old: document.Policy, new: document.Policy) -> dict[str, object]:
    """What changes from one policy to another: in words, and as the lines of a diff, each with its kind."""
    found = change.describe(old, new)
    return {"words": found.words, "diff": [(_kind(line), line) for line in found.diff.splitlines()]}


def _found(outcome: outcomes.Outcome) -> list[str]:
    """The explanation without what the page tells in places of its own: profile, experiments and changes."""
    words = change.describe(outcome.baseline, outcome.best).words
    steps = [f"{one.title}: {one.finding}" for one in outcome.experiments]
    elsewhere = {*outcome.profile.sentences, *steps, *words}
    return [sentence for sentence in outcome.explanation if sentence not in elsewhere]


def _nearest(outcome: outcomes.Outcome) -> dict[str, object] | None:
    """Where nothing was approved: the experiment that came nearest, and how its policy differs from the baseline."""
    if outcome.best is not outcome.baseline or not outcome.experiments:
        return None
    found = min(outcome.experiments, key=lambda one: one.cost)
    return {"experiment": found, "changes": changes(outcome.baseline, found.policy)}


def headline(told: story.Story) -> str:
    """What came out, in one sentence."""
    found = told.outcome
    gain = f"{numbers.signed(found.improvement)} (95 % interval {numbers.interval(*found.interval)})"
    seeds = len(found.verdict.seeds)
    if found.best.digest == found.baseline.digest:
        return f"Nothing better than {found.baseline.name} was found; it stays."
    if found.verdict.approved:
        return f"{found.best.name} is approved: {told.objective.name} improves by {gain} on {seeds} held-out seeds."
    return f"{found.best.name} is not approved: {told.objective.name} {gain} on {seeds} held-out seeds; see the exam."


def _kind(line: str) -> str:
    return next((kind for start, kind in _DIFF_KINDS if line.startswith(start)), "same")


def _script(source: str) -> str:
    """plotly.js must not close the element it stands in."""
    return re.sub(r"</(script)", r"<\\/\1", source, flags=re.IGNORECASE)

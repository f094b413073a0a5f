"""The page: everything the story holds, escaped, with plotly.js inside the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import jinja2
from plotly import offline

from glia_operator.report import figures, numbers, tables
from glia_sim.policy import change

if TYPE_CHECKING:
    from glia_operator.report import story

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
    difference = change.describe(told.outcome.baseline, told.outcome.best)
    return pages.get_template("template.html").render(
        story=told,
        outcome=told.outcome,
        verdict=told.outcome.verdict,
        headline=headline(told),
        summary=tables.summary(told),
        experiments=tables.experiments(told),
        sections=tables.sections(told),
        change=difference,
        diff=[(_kind(line), line) for line in difference.diff.splitlines()],
        figures={
            "experiments": figures.experiments(told),
            "exam": figures.exam(told),
            "e2e": figures.cdf(told, "e2e"),
            "ttft": figures.cdf(told, "ttft"),
            "kv": figures.kv(told),
            "held": figures.queues(told, "held"),
            "waiting": figures.queues(told, "waiting"),
        },
        plotly=_script(offline.get_plotlyjs()),
    )


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

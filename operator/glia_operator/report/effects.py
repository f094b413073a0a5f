"""The report's plots of improvements: experiments against their predictions, the ablation, and the exam."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_operator.report import figures, numbers, turning
from glia_operator.research import outcome as outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.report import story
    from glia_operator.research import ablation as ablations
    from glia_sim import effect, goal

KEPT, DROPPED, CONTROL, EXPECTED = "#1f5fa8", "#8a8f98", "#9a6b15", "#22262e"
BARS = {
    "all parts": KEPT,
    "worse without": "#8a8f98",
    "as good without": "#b9d3bd",
    "the exam would object": "#c4705f",
}
LINE = "#5a6170"
LOWEST_PERCENT = -100.0
"""What is worse than this stands at the edge, so that one bad experiment does not hide the others."""
WIDE_LETTERS, NARROW_LETTERS = 42, 18
"""Letters of a label in one line, on a wide screen and on a phone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dots:
    """Effects that share a colour and a name in the legend, each at its label."""

    name: str
    colour: str
    labels: Sequence[str]
    effects: Sequence[effect.Effect]


def experiments(told: story.Story) -> figures.Figure:
    """Predicted and observed improvement of each experiment, the first on top."""
    tried = [one for one in told.outcome.experiments if one.effect is not None]
    labels = [f"{one.number}. {one.title}" for one in tried]
    kinds = (("kept", KEPT), ("not kept", DROPPED), ("control", CONTROL))
    groups = [_group(tried, labels, name, colour) for name, colour in kinds]
    found = _chart(labels, [_dots(one, told.objective) for one in groups if one.labels], told.objective)
    foreseen = [(label, one) for label, one in zip(labels, tried, strict=True) if one.predicted is not None]
    found["data"] = [*_expected(foreseen), *found["data"]]
    return found | {"narrow": _ticks([f"{one.number}." for one in tried])}


def _group(tried: Sequence[outcomes.Experiment], labels: Sequence[str], name: str, colour: str) -> _Dots:
    chosen = [(label, one) for label, one in zip(labels, tried, strict=True) if turning.tag(one) == name]
    return _Dots(
        name=f"observed, {name}",
        colour=colour,
        labels=[label for label, _ in chosen],
        effects=[one.effect for _, one in chosen if one.effect is not None],
    )


def _expected(foreseen: Sequence[tuple[str, outcomes.Experiment]]) -> list[figures.Figure]:
    """Open marks where the predictions are, and a line from each to what was observed."""
    if not foreseen:
        return []
    expected = [_edge(100 * (one.predicted or 0.0)) for _, one in foreseen]
    observed = [_edge(100 * (outcomes.observed(one) or 0.0)) for _, one in foreseen]
    places = [figures.plain(label) for label, _ in foreseen]
    line: list[float | None] = []
    along: list[str | None] = []
    for old, new, place in zip(figures.finite(expected), figures.finite(observed), places, strict=True):
        line, along = [*line, old, new, None], [*along, place, place, None]
    joined = {"type": "scatter", "mode": "lines", "x": line, "y": along, "hoverinfo": "skip", "showlegend": False}
    marks = {
        "type": "scatter",
        "mode": "markers",
        "name": "expected",
        "x": figures.finite(expected),
        "y": places,
        "marker": {"size": 11, "symbol": "diamond-open", "color": EXPECTED, "line": {"width": 1.5}},
        "hovertemplate": "%{y}: expected %{x:+.1f} %<extra></extra>",
    }
    return [joined | {"line": {"color": "#c3c8d0", "width": 3}}, marks]


def ablation(told: story.Story) -> figures.Figure:
    """Improvement with all parts and without each of them."""
    rows = [("all parts", told.outcome.ablation[0].whole, "all parts")] if told.outcome.ablation else []
    rows += [(f"without {one.part}", one.improvement, _without(one)) for one in told.outcome.ablation]
    groups = {name: [(label, value) for label, value, group in rows if group == name] for name in BARS}
    data = [_bars(name, BARS[name], group) for name, group in groups.items() if group]
    labels = [label for label, _, _ in rows]
    return _chart(labels, data, told.objective) | {"narrow": _ticks(labels)}


def _without(one: ablations.Without) -> str:
    if one.needless:
        return "as good without"
    return "the exam would object" if one.barred else "worse without"


def _bars(name: str, colour: str, rows: Sequence[tuple[str, float]]) -> figures.Figure:
    values = figures.finite([_edge(100 * improvement) for _, improvement in rows])
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": values,
        "y": [figures.plain(label) for label, _ in rows],
        "text": [numbers.signed(improvement) for _, improvement in rows],
        "textposition": "auto",
        "marker": {"color": colour},
        "hovertemplate": "%{y}: %{x:+.1f} %<extra></extra>",
    }


def exam(told: story.Story) -> figures.Figure:
    """Improvement of the objective in every section of the exam."""
    verdict = told.outcome.verdict
    sections = [verdict.heldout, *verdict.robustness]
    labels = [one.title for one in sections]
    dots = _Dots(name="", colour=KEPT, labels=labels, effects=[one.objective for one in sections])
    found = _chart(labels, [_dots(dots, told.objective)], told.objective)
    return found | {"narrow": _ticks(labels)}


def _dots(group: _Dots, objective: goal.Objective) -> figures.Figure:
    """A dot with its interval per label; open intervals are left out."""
    middles = [100 * objective.improvement(one.estimate) for one in group.effects]
    spans = [sorted(100 * objective.improvement(end) for end in (one.low, one.high)) for one in group.effects]
    arms = [_arms(middle, *span) for middle, span in zip(middles, spans, strict=True)]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": group.name,
        "showlegend": bool(group.name),
        "x": figures.finite([_edge(middle) for middle in middles]),
        "y": [figures.plain(label) for label in group.labels],
        "customdata": figures.finite(middles),
        "marker": {
            "size": 10,
            "color": group.colour,
            "symbol": ["circle" if middle >= LOWEST_PERCENT else "triangle-left" for middle in middles],
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": figures.finite([above for _, above in arms]),
            "arrayminus": figures.finite([below for below, _ in arms]),
            "color": LINE,
            "thickness": 1.5,
        },
        "hovertemplate": "%{y}: %{customdata:+.1f} %<extra></extra>",
    }


def _arms(middle: float, low: float, high: float) -> tuple[float, float]:
    """How far the interval reaches below and above; none where the dot stands at the edge instead of its place."""
    return (middle - low, high - middle) if middle >= LOWEST_PERCENT else (math.nan, math.nan)


def _edge(percent: float) -> float:
    return max(percent, LOWEST_PERCENT)


def _chart(labels: Sequence[str], data: list[figures.Figure], objective: goal.Objective) -> figures.Figure:
    """A row per label, the first on top, improvements to the right."""
    made = figures.layout(f"improvement of {objective.name}, %", "")
    plain = [figures.plain(label) for label in labels]
    made["yaxis"] |= {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": plain,
        "range": [len(labels) - 0.5, -0.5],
        "automargin": True,
        "tickmode": "array",
        "tickvals": plain,
        "ticktext": [_wrapped(label, WIDE_LETTERS) for label in labels],
    }
    made["xaxis"] |= {"zeroline": True, "zerolinecolor": LINE, "zerolinewidth": 1.5}
    made["height"] = 130 + 34 * len(labels)
    made["barmode"] = "overlay"
    return {"data": data, "layout": made}


def _ticks(labels: Sequence[str]) -> figures.Figure:
    """What changes on a narrow screen: shorter labels and title, and room for two lines a row under a tall legend."""
    return {
        "yaxis.ticktext": [_wrapped(label, NARROW_LETTERS) for label in labels],
        "yaxis.tickfont.size": 11,
        "xaxis.title.text": "improvement, %",
        "margin.l": 10,
        "height": 190 + 38 * len(labels),
    }


def _wrapped(label: str, letters: int) -> str:
    """The label in at most two lines, escaped."""
    lines = textwrap.wrap(label, letters, max_lines=2, placeholder="…") or [""]
    return "<br>".join(figures.plain(line) for line in lines)

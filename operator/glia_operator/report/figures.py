"""The report's plots as plotly figures: plain dictionaries of data and layout."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from glia_operator.report import story
    from glia_sim import effect, goal
    from glia_sim.engine import run as runs

    Floats = npt.NDArray[np.float64]

Figure = dict[str, Any]

BASELINE, BEST = "#9a6b15", "#1f5fa8"
BANDS = {BASELINE: "rgba(154,107,21,0.16)", BEST: "rgba(31,95,168,0.16)"}
KEPT, DROPPED = "#1f5fa8", "#8a8f98"
GRID = "#e4e6ea"
CDF_POINTS = 400
LEAST_S = 1e-3
"""The logarithmic axes of latency begin here."""


def cdf(told: story.Story, measure: str) -> Figure:
    """Share of requests served within a time, baseline and best; `measure` is e2e or ttft."""
    titles = {"e2e": "end-to-end time, s", "ttft": "time to first token, s"}
    traces = [
        _curve(_sample(run, measure), name, colour) for run, name, colour in zip(told.runs, *_names(told), strict=True)
    ]
    layout = _layout(titles[measure], "share of requests")
    layout["xaxis"] |= {"type": "log"}
    layout["yaxis"] |= {"range": [0, 1.01], "tickformat": ".0%"}
    return {"data": traces, "layout": layout}


def _names(told: story.Story) -> tuple[tuple[str, str], tuple[str, str]]:
    baseline, best = told.outcome.baseline.name, told.outcome.best.name
    return (f"{baseline} (baseline)", f"{best} (best)"), (BASELINE, BEST)


def _sample(run: runs.Run, measure: str) -> Floats:
    end = run.finish_s if measure == "e2e" else run.first_token_s
    values = end - run.arrival_s
    sample: Floats = np.maximum(values[np.isfinite(values)], LEAST_S)
    return sample


def _curve(values: Floats, name: str, colour: str) -> Figure:
    shares: Floats = np.linspace(0, 1, CDF_POINTS, dtype=np.float64)
    times: Floats = np.quantile(values, shares).astype(np.float64) if len(values) else shares * math.nan
    return _line(times, shares, name, colour) | {"hovertemplate": "%{y:.1%} within %{x:.3g} s"}


def kv(told: story.Story) -> Figure:
    """Share of the KV blocks in use over time: mean of the replicas, and from the emptiest to the fullest."""
    data: list[Figure] = []
    for run, name, colour in zip(told.runs, *_names(told), strict=True):
        timeline = _timeline(run)
        used = timeline.kv_used
        data += _band(timeline.time_s, used.min(axis=1), used.max(axis=1), BANDS[colour])
        data.append(_line(timeline.time_s, used.mean(axis=1), name, colour))
    layout = _layout("time, s", "KV blocks in use")
    layout["yaxis"] |= {"range": [0, 1.02], "tickformat": ".0%"}
    return {"data": data, "layout": layout}


def queues(told: story.Story, where: str) -> Figure:
    """Requests that wait over time: `where` is "held" (at the router) or "waiting" (in the replicas' own queues)."""
    titles = {"held": "requests held at the router", "waiting": "requests waiting in the replicas"}
    data = []
    for run, name, colour in zip(told.runs, *_names(told), strict=True):
        timeline = _timeline(run)
        counts = timeline.held if where == "held" else timeline.waiting.sum(axis=1)
        data.append(_line(timeline.time_s, counts, name, colour))
    layout = _layout("time, s", titles[where])
    layout["yaxis"] |= {"rangemode": "tozero"}
    return {"data": data, "layout": layout}


def _timeline(run: runs.Run) -> runs.Timeline:
    if run.timeline is None:
        raise ValueError("a report needs runs with timelines")
    return run.timeline


def experiments(told: story.Story) -> Figure:
    """Improvement of the objective by each experiment with its interval, the first on top."""
    tried = [one for one in told.outcome.experiments if one.effect is not None]
    labels = [f"{one.number}. {_clipped(one.title)}" for one in tried]
    effects = [one.effect for one in tried if one.effect is not None]
    colours = [KEPT if one.kept else DROPPED for one in tried]
    return _dots(labels, effects, told.objective, colours)


def exam(told: story.Story) -> Figure:
    """Improvement of the objective in every section of the exam."""
    verdict = told.outcome.verdict
    sections = [verdict.heldout, *verdict.robustness]
    return _dots([one.title for one in sections], [one.objective for one in sections], told.objective, None)


def _dots(
    labels: Sequence[str], effects: Sequence[effect.Effect], objective: goal.Objective, colours: Sequence[str] | None
) -> Figure:
    """A dot with its interval per label; open intervals are left out."""
    middles = [100 * objective.improvement(one.estimate) for one in effects]
    spans = [sorted(100 * objective.improvement(end) for end in (one.low, one.high)) for one in effects]
    above = [high - middle for (_, high), middle in zip(spans, middles, strict=True)]
    below = [middle - low for (low, _), middle in zip(spans, middles, strict=True)]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": _finite(middles),
        "y": [_plain(label) for label in labels],
        "marker": {"size": 10, "color": list(colours) if colours else BEST},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": _finite(above),
            "arrayminus": _finite(below),
            "color": "#5a6170",
            "thickness": 1.5,
        },
        "hovertemplate": "%{y}: %{x:+.1f} %<extra></extra>",
        "showlegend": False,
    }
    layout = _layout(f"improvement of {objective.name}, %", "")
    layout["yaxis"] |= {"autorange": "reversed", "automargin": True, "type": "category"}
    layout["xaxis"] |= {"zeroline": True, "zerolinecolor": "#5a6170", "zerolinewidth": 1.5}
    layout["height"] = 110 + 30 * len(labels)
    return {"data": [dots], "layout": layout}


def _clipped(text: str, length: int = 60) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _line(x: Floats, y: Floats, name: str, colour: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": _plain(name),
        "x": _finite(x.tolist()),
        "y": _finite(y.tolist()),
        "line": {"color": colour, "width": 2},
    }


def _band(x: Floats, low: Floats, high: Floats, colour: str) -> list[Figure]:
    edge = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    times = _finite(x.tolist())
    return [
        edge | {"x": times, "y": _finite(low.tolist())},
        edge | {"x": times, "y": _finite(high.tolist()), "fill": "tonexty", "fillcolor": colour},
    ]


def _layout(x: str, y: str) -> Figure:
    axis = {"gridcolor": GRID, "linecolor": "#b9bec7", "zeroline": False}
    return {
        "height": 340,
        "margin": {"l": 60, "r": 20, "t": 16, "b": 52},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#22262e"},
        "legend": {"orientation": "h", "x": 0, "y": 1.12},
        "xaxis": axis | {"title": {"text": _plain(x)}},
        "yaxis": axis | {"title": {"text": _plain(y)}},
    }


def _finite(values: Sequence[float]) -> list[float | None]:
    """JSON has no NaN and no infinity; plotly leaves a gap at null. Seven digits are more than a screen shows."""
    return [float(f"{value:.7g}") if math.isfinite(value) else None for value in values]


def _plain(text: str) -> str:
    """Plotly reads a few HTML tags in names and titles; data is shown as it is written."""
    return text.replace("&", "&amp;").replace("<", "&lt;")

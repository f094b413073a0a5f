"""The report's plots of the two runs as plotly figures: plain dictionaries of data and layout."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from glia_operator.report import story
    from glia_sim.engine import run as runs

    Floats = npt.NDArray[np.float64]

Figure = dict[str, Any]

BASELINE, BEST = "#9a6b15", "#1f5fa8"
BANDS = {BASELINE: "rgba(154,107,21,0.16)", BEST: "rgba(31,95,168,0.16)"}
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
    made = layout(titles[measure], "share of requests")
    made["xaxis"] |= {"type": "log"}
    made["yaxis"] |= {"range": [0, 1.01], "tickformat": ".0%"}
    return {"data": traces, "layout": made}


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
    made = layout("time, s", "KV blocks in use")
    made["yaxis"] |= {"range": [0, 1.02], "tickformat": ".0%"}
    return {"data": data, "layout": made}


def queues(told: story.Story, where: str) -> Figure:
    """Requests that wait over time: `where` is "held" (at the router) or "waiting" (in the replicas' own queues)."""
    titles = {"held": "requests held at the router", "waiting": "requests waiting in the replicas"}
    data = []
    for run, name, colour in zip(told.runs, *_names(told), strict=True):
        timeline = _timeline(run)
        counts = timeline.held if where == "held" else timeline.waiting.sum(axis=1)
        data.append(_line(timeline.time_s, counts, name, colour))
    made = layout("time, s", titles[where])
    made["yaxis"] |= {"rangemode": "tozero"}
    return {"data": data, "layout": made}


def _timeline(run: runs.Run) -> runs.Timeline:
    if run.timeline is None:
        raise ValueError("a report needs runs with timelines")
    return run.timeline


def _line(x: Floats, y: Floats, name: str, colour: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(name),
        "x": finite(x.tolist()),
        "y": finite(y.tolist()),
        "line": {"color": colour, "width": 2},
    }


def _band(x: Floats, low: Floats, high: Floats, colour: str) -> list[Figure]:
    edge = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    times = finite(x.tolist())
    return [
        edge | {"x": times, "y": finite(low.tolist())},
        edge | {"x": times, "y": finite(high.tolist()), "fill": "tonexty", "fillcolor": colour},
    ]


def layout(x: str, y: str) -> Figure:
    """What all plots share: a title for each axis, colours and margins."""
    axis = {"gridcolor": GRID, "linecolor": "#b9bec7", "zeroline": False}
    return {
        "height": 340,
        "margin": {"l": 60, "r": 44, "t": 16, "b": 52},
        # In the right margin; lying above the plot the tools cover the legend.
        "modebar": {"orientation": "v"},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#22262e"},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": axis | {"title": {"text": plain(x)}},
        "yaxis": axis | {"title": {"text": plain(y)}},
    }


def finite(values: Sequence[float]) -> list[float | None]:
    """JSON has no NaN and no infinity; plotly leaves a gap at null. Seven digits are more than a screen shows."""
    return [float(f"{value:.7g}") if math.isfinite(value) else None for value in values]


def plain(text: str) -> str:
    """Plotly reads a few HTML tags in names and titles; data is shown as it is written."""
    return text.replace("&", "&amp;").replace("<", "&lt;")

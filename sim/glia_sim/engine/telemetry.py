"""The fleet view: what telemetry and a picker's own books say of the fleet as a whole (docs/decisions/views.md)."""

from __future__ import annotations

import numpy as np

from glia_sim.engine.compiled import kernel
from glia_sim.engine.control import READS_FLEET, READS_OUTPUTS, Control
from glia_sim.engine.world import World
from glia_sim.policy import fields

_FLEET = fields.FLEET_COLUMNS
SERVING, STARTING, DRAINING, WANTED = _FLEET["serving"], _FLEET["starting"], _FLEET["draining"], _FLEET["wanted"]
HELD, FLEET_IN_FLIGHT = _FLEET["held"], _FLEET["in_flight"]
RATE_10S, RATE_60S, TOKENS_60S = (
    _FLEET["arrivals_per_s_10s"],
    _FLEET["arrivals_per_s_60s"],
    _FLEET["prompt_tokens_per_s_60s"],
)
OUTPUT_MEAN, SINCE_SCALE = _FLEET["output_mean"], _FLEET["since_scale_s"]
ROWS = fields.ROWS

NO_OUTPUTS_YET = 256.0
"""Output tokens assumed until the first completed request is known."""
OUTPUT_EDGES = np.array(
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000], dtype=np.float64
)
"""Upper bucket edges of vllm:request_generation_tokens."""


@kernel
def _window(w: World, c: Control, p: int, t: float) -> None:
    """Forget arrivals that have left the 10 s and the 60 s windows."""
    pickers = c.picker.shape[0] - 1
    first, stride = (p, pickers) if p < pickers else (0, 1)
    picker = c.picker[p]
    while picker.first_10s < picker.sequence and w.req[first + stride * picker.first_10s].arrival < t - 10.0:
        picker.first_10s += 1
    while picker.first_60s < picker.sequence and w.req[first + stride * picker.first_60s].arrival < t - 60.0:
        picker.tokens_60s -= w.req[first + stride * picker.first_60s].prompt
        picker.first_60s += 1


@kernel
def fill_fleet(w: World, c: Control, p: int, t: float) -> None:
    """Fill the fleet view of picker p, or of the autoscaler where p is the number of pickers."""
    clock, picker, view = c.clock[0], c.picker[p], c.fleet[p]
    view[ROWS] = clock.rows
    view[SERVING] = clock.serving
    if not c.flags[READS_FLEET]:
        return
    view[STARTING] = clock.starting
    view[DRAINING] = clock.draining
    view[WANTED] = clock.wanted
    view[HELD] = picker.held
    view[FLEET_IN_FLIGHT] = picker.in_flight
    _window(w, c, p, t)
    known = max(t - w.req[0].arrival, 1.0)
    view[RATE_10S] = (picker.sequence - picker.first_10s) / min(known, 10.0)
    view[RATE_60S] = (picker.sequence - picker.first_60s) / min(known, 60.0)
    view[TOKENS_60S] = picker.tokens_60s / min(known, 60.0)
    if c.flags[READS_OUTPUTS]:
        if clock.scrape_s == 0.0:
            read_outputs(c)
        for k in range(4):
            view[OUTPUT_MEAN + k] = c.output_stats[k]
    view[SINCE_SCALE] = t - clock.last_scale


@kernel
def _output_quantile(c: Control, share: float) -> float:
    """Quantile by linear interpolation inside a bucket, as PromQL's histogram_quantile does."""
    rank = share * c.clock[0].outputs
    below = 0.0
    for k in range(OUTPUT_EDGES.shape[0]):
        count = c.outputs[k]
        if count > 0.0 and below + count >= rank:
            low = OUTPUT_EDGES[k - 1] if k > 0 else 0.0
            return float(low + (OUTPUT_EDGES[k] - low) * (rank - below) / count)
        below += count
    return float(OUTPUT_EDGES[-1])


@kernel
def read_outputs(c: Control) -> None:
    """Take mean and quantiles of output lengths from the telemetry's histogram."""
    clock = c.clock[0]
    if clock.outputs == 0:
        for k in range(4):
            c.output_stats[k] = NO_OUTPUTS_YET
        return
    c.output_stats[0] = clock.output_sum / clock.outputs
    c.output_stats[1] = _output_quantile(c, 0.5)
    c.output_stats[2] = _output_quantile(c, 0.9)
    c.output_stats[3] = _output_quantile(c, 0.99)


@kernel
def count_output(c: Control, tokens: int) -> None:
    """Add a completed request to the telemetry's histogram of output lengths."""
    k = 0
    while k < OUTPUT_EDGES.shape[0] - 1 and tokens > OUTPUT_EDGES[k]:
        k += 1
    c.outputs[k] += 1.0
    c.clock[0].outputs += 1
    c.clock[0].output_sum += tokens

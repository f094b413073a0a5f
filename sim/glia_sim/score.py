"""From a simulated run to its scorecard; docs/scoring.md defines every number."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glia_sim.engine import layout

if TYPE_CHECKING:
    import numpy.typing as npt

    from glia_sim.engine import run as runs

    Floats = npt.NDArray[np.float64]

LEVELS = (0.5, 0.9, 0.95, 0.99)
MEASURES = ("e2e", "ttft", "itl", "queue", "slowdown")
"""What a request is measured by: seconds, and for slowdown a ratio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Mean and quantiles of one measure; NaN where nothing was measured."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float


NOTHING = Quantiles(mean=math.nan, p50=math.nan, p90=math.nan, p95=math.nan, p99=math.nan)
"""Of what was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """The measures with every failed request charged the whole run, so that dropping requests never pays.

    A failed request counts as `makespan_s` in seconds, and as makespan_s / ideal_s in slowdown.
    """

    e2e: Quantiles
    ttft: Quantiles
    queue: Quantiles
    slowdown: Quantiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """Marks of one run, or of several pooled.

    `e2e` to `slowdown` are over finished requests; `charged` is over all of them.
    """

    requests: int
    failed: int
    restarted_share: float
    restarts: int
    throughput_rps: float
    tokens_per_s: float
    kv_used_mean: float
    gpu_hours: float
    makespan_s: float
    policy_faults: int
    e2e: Quantiles
    ttft: Quantiles
    itl: Quantiles
    queue: Quantiles
    slowdown: Quantiles
    charged: Charged

    @property
    def failed_share(self) -> float:
        """Failed requests as a share of all."""
        return self.failed / self.requests

    @property
    def served_gpu_hours(self) -> float:
        """GPU-hours for as many finished requests as arrived: failing half of them doubles the cost of the rest."""
        finished = self.requests - self.failed
        return self.gpu_hours * self.requests / finished if finished else math.inf

    def value(self, metric: str) -> float:
        """The number at a dotted name such as `charged.e2e.p99`, `gpu_hours` or `failed_share`."""
        found: Any = self
        for part in metric.split("."):
            found = getattr(found, part)
        return float(found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """What pooling needs of one run of n requests.

    `charged` holds e2e, ttft, queue (s) and slowdown of every request, failed ones charged; `failed` marks those.
    """

    failed: npt.NDArray[np.bool_]
    charged: Mapping[str, Floats]
    itl_histogram: Floats
    restarted: int
    restarts: int
    output_tokens: int
    kv_used_mean: float
    gpu_hours: float
    makespan_s: float
    policy_faults: int


def card(run: runs.Run) -> Scorecard:
    """The scorecard of one run."""
    return pool([record(run)])


def record(run: runs.Run) -> Record:
    """What is kept of a run: per-request measures and totals."""
    failed = run.status != layout.FINISHED
    e2e = run.finish_s - run.arrival_s
    measures = {
        "e2e": e2e,
        "ttft": run.first_token_s - run.arrival_s,
        "queue": run.first_exec_s - run.arrival_s,
        "slowdown": e2e / run.ideal_s,
    }
    charge = {name: np.full(len(e2e), run.makespan_s) for name in measures}
    charge["slowdown"] = run.makespan_s / run.ideal_s
    return Record(
        failed=failed,
        charged={name: np.where(failed, charge[name], values) for name, values in measures.items()},
        itl_histogram=np.asarray(run.itl_histogram, np.float64),
        restarted=int(np.count_nonzero(run.preemptions)),
        restarts=int(run.preemptions.sum()),
        output_tokens=int(run.output_tokens[~failed].sum()),
        kv_used_mean=run.kv_used_mean,
        gpu_hours=run.gpu_hours,
        makespan_s=run.makespan_s,
        policy_faults=run.policy_faults,
    )


def pool(records: Sequence[Record], measures: Collection[str] = MEASURES) -> Scorecard:
    """One scorecard over the requests of all records: totals add up, shares weigh each run by its requests or time.

    Quantiles of what is not among `measures` are NaN; a search reads few of them, for many thousand runs.
    """
    failed = np.concatenate([one.failed for one in records])
    asked = [name for name in records[0].charged if name in measures]
    charged = {name: np.concatenate([one.charged[name] for one in records]) for name in asked}
    makespan_s = math.fsum(one.makespan_s for one in records)
    unknown = dict.fromkeys(records[0].charged, NOTHING)
    marks = unknown | _quantiles(charged)
    finished = marks
    if failed.any():
        finished = unknown | _quantiles({name: values[~failed] for name, values in charged.items()})
    itl = histogram_quantiles(np.sum([one.itl_histogram for one in records], axis=0)) if "itl" in measures else NOTHING
    return Scorecard(
        requests=len(failed),
        failed=int(failed.sum()),
        restarted_share=sum(one.restarted for one in records) / len(failed),
        restarts=sum(one.restarts for one in records),
        throughput_rps=float(np.count_nonzero(~failed)) / makespan_s,
        tokens_per_s=sum(one.output_tokens for one in records) / makespan_s,
        kv_used_mean=math.fsum(one.kv_used_mean * one.makespan_s for one in records) / makespan_s,
        gpu_hours=math.fsum(one.gpu_hours for one in records),
        makespan_s=makespan_s,
        policy_faults=sum(one.policy_faults for one in records),
        itl=itl,
        charged=Charged(**marks),
        **finished,
    )


def quantiles(values: Floats) -> Quantiles:
    """Mean and quantiles of a sample, interpolated linearly between order statistics (numpy's default)."""
    return _quantiles({"": values})[""]


def _quantiles(samples: Mapping[str, Floats]) -> dict[str, Quantiles]:
    """The same of several samples of one length, at once: numpy's call costs more than small samples do."""
    if not samples:
        return {}
    table = np.stack(list(samples.values()))
    if not table.size:
        return dict.fromkeys(samples, NOTHING)
    levels = np.quantile(table, LEVELS, axis=1).T.tolist()
    return {
        name: Quantiles(mean=float(values.mean()), p50=p50, p90=p90, p95=p95, p99=p99)
        for (name, values), (p50, p90, p95, p99) in zip(samples.items(), levels, strict=True)
    }


def histogram_quantiles(counts: Floats) -> Quantiles:
    """Mean and quantiles of inter-token gaps from counts between `layout.ITL_EDGES_S`.

    Gaps are taken as spread evenly within their bucket, which is at most 1.6 % wide.
    """
    edges = layout.ITL_EDGES_S
    total = counts.sum()
    if total == 0:
        return NOTHING
    passed = np.cumsum(counts)
    wanted = np.array(LEVELS) * total
    bucket = np.searchsorted(passed, wanted, side="left")
    part = (wanted - (passed - counts)[bucket]) / counts[bucket]
    p50, p90, p95, p99 = (edges[bucket] + part * np.diff(edges)[bucket]).tolist()
    middles = (edges[:-1] + edges[1:]) / 2
    return Quantiles(mean=float(counts @ middles / total), p50=p50, p90=p90, p95=p95, p99=p99)


def as_json(value: Any) -> Any:  # noqa: ANN401 - any of this package's values, down to plain JSON
    """Dataclasses as objects, tuples as lists, and numbers without a finite value as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value

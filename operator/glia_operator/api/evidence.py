"""What an exam found about a policy."""

from __future__ import annotations

from typing import Annotated

import pydantic

from glia_operator.api import optimization_status, section, words

Amount = Annotated[float, pydantic.Field(ge=0, le=1e15)]


class Marks(section.Section):
    """Marks of one policy, pooled over the exam's held-out seeds; times are of finished requests."""

    requests: optimization_status.Count
    """Requests served or failed."""
    failed: optimization_status.Count
    """Requests that failed."""
    mean_seconds: Amount | None = None
    """Mean end-to-end time."""
    p50_seconds: Amount | None = None
    """Median end-to-end time."""
    p90_seconds: Amount | None = None
    """90th percentile of the end-to-end time."""
    p99_seconds: Amount | None = None
    """99th percentile of the end-to-end time."""
    ttft_mean_seconds: Amount | None = None
    """Mean time to first token."""
    ttft_p90_seconds: Amount | None = None
    """90th percentile of the time to first token."""
    throughput_rps: Amount | None = None
    """Finished requests per second."""
    gpu_hours: Amount | None = None
    """GPU-hours used."""
    restarted_share: Annotated[float, pydantic.Field(ge=0, le=1)] | None = None
    """Share of the requests that were preempted and restarted."""


class ExamCondition(section.Section):
    """What was found under one set of conditions."""

    title: Annotated[str, pydantic.Field(min_length=1, max_length=128)]
    """The conditions, such as load x1.2."""
    improvement: words.SignedPercent | None = None
    """Improvement of the objective; absent where it cannot be measured."""
    interval: optimization_status.Interval | None = None
    """95 % interval of the improvement."""
    p99_ratio: Amount | None = None
    """p99 end-to-end time as a multiple of the baseline's."""


class Seeds(section.Section):
    """The held-out seeds of the exam: the first `heldout` ones of the stream of that root."""

    root: Annotated[int, pydantic.Field(ge=0, le=2**28 - 1)]
    """Root of the stream, from spec.research.seed."""
    heldout: optimization_status.Count
    """How many seeds."""


class Evidence(section.Section):
    """What the exam found: the paired effect on held-out arrivals, and under harder conditions."""

    objective: Annotated[str, pydantic.Field(max_length=64)]
    """What was to improve."""
    improvement: words.SignedPercent
    """Improvement of the objective on held-out seeds, as the conditions are."""
    interval: optimization_status.Interval | None = None
    """95 % interval of the improvement."""
    p99_ratio: Amount | None = None
    """p99 end-to-end time as a multiple of the baseline's."""
    seeds: Seeds
    """The held-out seeds."""
    baseline_policy: Annotated[str, pydantic.Field(max_length=63)]
    """Name of the policy that it was compared with."""
    baseline: Marks
    """Marks of that policy."""
    candidate: Marks
    """Marks of this policy."""
    conditions: Annotated[
        tuple[ExamCondition, ...],
        pydantic.Field(max_length=16, strict=False, json_schema_extra=words.keyed("title")),
    ] = ()
    """The same comparison under other conditions."""
    explanation: Annotated[
        tuple[Annotated[str, pydantic.Field(max_length=4096)], ...],
        pydantic.Field(max_length=64, strict=False, json_schema_extra=words.ATOMIC),
    ] = ()
    """Why this policy, in sentences with numbers."""
    experiments: optimization_status.Count
    """Experiments of the study."""
    simulations: optimization_status.Count
    """Simulations of the study."""
    brief_digest: words.Digest
    """Identity of the question."""
    notebook_digest: words.Digest
    """Digest of the newest record of the study's notebook."""
    exam_digest: words.Digest
    """Identity of the exam: of the question, the policy and everything that was found."""
    calibration_digest: words.Digest | None = None
    """Identity of the calibration that the twin had; absent where the study was offline."""

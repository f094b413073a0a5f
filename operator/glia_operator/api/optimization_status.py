"""What the operator says about a GliaOptimization."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import pydantic

from glia_operator.api import meta, section, words

Phase = Literal["Pending", "Studying", "AwaitingApproval", "Approved", "Rejected", "NoImprovement", "Paused", "Failed"]
PHASES: tuple[Phase, ...] = get_args(Phase)
Count = Annotated[int, pydantic.Field(ge=0, le=2**53)]
ObjectName = Annotated[str, pydantic.Field(max_length=253)]
MAX_NOTEBOOK_PARTS = 256


class Interval(section.Section):
    """A 95 % interval of a relative change."""

    low: words.SignedPercent
    """Lower end."""
    high: words.SignedPercent
    """Upper end."""


class StudyStatus(section.Status):
    """The study that runs, or the last one."""

    question_digest: words.Digest | None = None
    """Identity of what this object asks, fleet and trace as they are named; the operator compares it with the spec."""
    brief_digest: words.Digest | None = None
    """Identity of the question, fleet and trace as they are read: two studies with one digest have the same answer.
    Absent until they are read."""
    started_at: words.Moment | None = None
    """When it began."""
    experiments_done: Count = 0
    """Experiments begun."""
    experiments_budget: Count = 0
    """Experiments that it may begin."""
    simulations: Count = 0
    """Simulations run."""
    question: Annotated[str, pydantic.Field(max_length=2048)] = ""
    """What it is trying now."""
    finding: Annotated[str, pydantic.Field(max_length=2048)] = ""
    """What it found last."""
    notebook: Annotated[
        tuple[ObjectName, ...],
        pydantic.Field(max_length=MAX_NOTEBOOK_PARTS, strict=False, json_schema_extra=words.ATOMIC),
    ] = ()
    """ConfigMaps that hold the study's notebook, in order."""
    notebook_digest: words.Digest | None = None
    """Digest of the notebook's newest record."""


class CandidateStatus(section.Status):
    """The policy that a study proposes."""

    policy: ObjectName
    """Name of the GliaPolicy."""
    predicted_improvement: words.SignedPercent
    """Improvement of the objective on held-out arrivals in the twin."""
    interval: Interval | None = None
    """95 % interval of the improvement."""


class ActiveStatus(section.Status):
    """The policy that was approved last."""

    policy: ObjectName
    """Name of the GliaPolicy."""
    improvement: words.SignedPercent | None = None
    """Its improvement of the objective over the policy before it."""


class LastEvent(section.Status):
    """The newest thing worth telling."""

    reason: Annotated[str, pydantic.Field(max_length=128)]
    """In one word for machines."""
    message: Annotated[str, pydantic.Field(max_length=1024)] = ""
    """In a sentence for people."""
    at: words.Moment
    """When."""


class OptimizationStatus(section.Status):
    """Where the optimisation stands; the operator alone writes it."""

    observed_generation: Count | None = None
    """The generation of the spec that this status speaks of."""
    phase: Phase | None = None
    """Pending: not begun, or waiting for something that the conditions name. Studying: experiments run.
    AwaitingApproval: a GliaPolicy waits for a person. Approved and Rejected: the decision on it. NoImprovement: nothing
    better was found. Paused: spec.paused is true. Failed: something must be mended; the conditions say what."""
    message: Annotated[str, pydantic.Field(max_length=1024)] = ""
    """What happens now or what to mend, in one sentence."""
    conditions: meta.Conditions = ()
    """The aspects of the state by type."""
    study: StudyStatus | None = None
    """The study that runs, or the last one."""
    candidate: CandidateStatus | None = None
    """The policy that the study proposes."""
    active: ActiveStatus | None = None
    """The policy that was approved last."""
    hints: Annotated[str, pydantic.Field(max_length=4096)] = ""
    """The hints that the notebook holds."""
    last_event: LastEvent | None = None
    """The newest thing worth telling."""

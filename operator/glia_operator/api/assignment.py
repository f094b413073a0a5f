"""`GliaAssignment`: which policy each picker of a pool follows, when, and until when."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import pydantic

from glia_operator.api import meta, optimization_status, rule, section, words

KIND = "GliaAssignment"
Seconds = Annotated[int, pydantic.Field(ge=1, le=86_400)]
SAME = " && ".join(
    ["self.mode == oldSelf.mode", "self.baseline == oldSelf.baseline"]
    + [
        f"has(self.{part}) == has(oldSelf.{part}) && (!has(self.{part}) || self.{part} == oldSelf.{part})"
        for part in ("candidate", "schedule", "partition")
    ]
)


class Pool(section.Section):
    """The pool of pickers and replicas that the assignment is for."""

    name: words.Name
    """Name of the InferencePool."""


class Arm(section.Section):
    """A policy to follow."""

    policy: words.Name
    """Name of the GliaPolicy, or of a policy of the catalogue."""
    digest: words.Digest
    """Digest of the policy; a picker that reads another one follows the baseline."""


class Schedule(section.Section):
    """Blocks of time, each under one arm; every picker computes the same ones from this."""

    rules: ClassVar = (
        rule.Rule(
            cel="self.washoutSeconds < self.blockSeconds",
            message="washoutSeconds must be shorter than blockSeconds: nothing of a block would be left to measure",
            holds=lambda self: self.washout_seconds < self.block_seconds,
            field=".washoutSeconds",
        ),
    )

    seed: Annotated[int, pydantic.Field(ge=0, le=2**53)]
    """Decides which block belongs to which arm."""
    block_seconds: Seconds
    """Length of a block."""
    washout_seconds: Annotated[int, pydantic.Field(ge=0, le=86_400)]
    """The beginning of each block that is not measured."""
    start: words.Moment
    """When the first block begins."""
    share: words.Percent
    """Share of the blocks that the candidate gets."""


class Partition(section.Section):
    """Replicas of the candidate's own, with their share of the traffic."""

    candidate_replicas: Annotated[int, pydantic.Field(ge=1, le=100_000)]
    """How many replicas follow the candidate."""
    share: words.Percent
    """Share of the requests that go to them."""


class AssignmentSpec(section.Section):
    """Who follows what."""

    rules: ClassVar = (
        rule.Rule(
            cel="self.epoch >= oldSelf.epoch",
            message="epoch only grows: a picker ignores an assignment older than the one it follows",
            field=".epoch",
        ),
        rule.Rule(
            cel=f"self.epoch > oldSelf.epoch || ({SAME})",
            message="a change of mode, baseline, candidate, schedule or partition needs a higher epoch",
            field=".epoch",
        ),
        rule.Rule(
            cel="self.mode == 'Baseline' || has(self.candidate)",
            message="this mode needs a candidate",
            holds=lambda self: self.mode == "Baseline" or self.candidate is not None,
            field=".candidate",
        ),
        rule.Rule(
            cel="(self.mode == 'Switchback') == has(self.schedule)",
            message="mode Switchback needs a schedule, and no other mode has one",
            holds=lambda self: (self.mode == "Switchback") == (self.schedule is not None),
            field=".schedule",
        ),
        rule.Rule(
            cel="(self.mode == 'Partition') == has(self.partition)",
            message="mode Partition needs a partition, and no other mode has one",
            holds=lambda self: (self.mode == "Partition") == (self.partition is not None),
            field=".partition",
        ),
        rule.Rule(
            cel="!has(self.candidate) || self.candidate.digest != self.baseline.digest",
            message="candidate and baseline are the same policy: there is nothing to compare",
            holds=lambda self: self.candidate is None or self.candidate.digest != self.baseline.digest,
            field=".candidate",
        ),
        rule.Rule(
            cel="self.pool == oldSelf.pool",
            message="the pool cannot change; another pool has an assignment of its own",
            field=".pool",
        ),
    )

    pool: Pool
    """The pool that this is for. It cannot change."""
    mode: Literal["Baseline", "Shadow", "Partition", "Switchback", "Promoted"]
    """Baseline: all follow the baseline. Shadow: the candidate decides too, and nothing acts on it. Partition: some
    replicas follow the candidate. Switchback: all follow baseline and candidate in turn. Promoted: all follow the
    candidate."""
    baseline: Arm
    """The last known good policy; pickers go back to it by themselves after validUntil."""
    candidate: Arm | None = None
    """The policy on trial, or the promoted one."""
    schedule: Schedule | None = None
    """The blocks of mode Switchback."""
    partition: Partition | None = None
    """The replicas of mode Partition."""
    epoch: Annotated[int, pydantic.Field(ge=1, le=2**53)]
    """Grows with every change except one of validUntil alone."""
    valid_until: words.Moment
    """After this moment every picker follows the baseline, whatever stands here: a dead operator is safe."""


class Picker(section.Status):
    """What one picker follows."""

    name: Annotated[str, pydantic.Field(max_length=253)]
    """Name of the picker's pod."""
    epoch: optimization_status.Count
    """The epoch that it follows."""
    observed_at: words.Moment
    """When it said so."""


class AssignmentStatus(section.Status):
    """Who follows it."""

    observed_generation: optimization_status.Count | None = None
    """The generation that this status speaks of."""
    pickers: Annotated[
        tuple[Picker, ...], pydantic.Field(max_length=256, strict=False, json_schema_extra=words.keyed("name"))
    ] = ()
    """What each picker follows."""
    conditions: meta.Conditions = ()
    """The aspects of the state by type."""


class GliaAssignment(section.Section):
    """Which policy each picker of a pool follows, when, and until when: one object per pool, named like it."""

    model_config = pydantic.ConfigDict(extra="ignore")
    rules: ClassVar = (
        rule.Rule(
            cel="self.metadata.name == self.spec.pool.name",
            message="an assignment is named like its pool, so that there is one per pool",
            holds=lambda self: self.metadata.name == self.spec.pool.name,
        ),
    )

    api_version: Literal["glia.dev/v1alpha1"] = "glia.dev/v1alpha1"
    kind: Literal["GliaAssignment"] = "GliaAssignment"
    metadata: meta.ObjectMeta
    spec: AssignmentSpec
    """Who follows what."""
    status: AssignmentStatus | None = None
    """Who follows it; the pickers and the operator write it."""


def read(content: object) -> GliaAssignment:
    """An object as the API server gives it.

    Raises:
        InputFault: naming the field, what was received and what would be right.
    """
    return section.read(GliaAssignment, content, KIND)

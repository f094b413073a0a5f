"""`GliaPolicy`: one immutable revision of a policy, with its evidence, and the decision on it."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, get_args

import pydantic

from glia_operator.api import evidence as evidences
from glia_operator.api import meta, optimization_status, rule, section, words

KIND = "GliaPolicy"
MAX_PROGRAM = 20_000
MAX_PARAMETERS = 64
Phase = Literal["Proposed", "Approved", "Rejected", "Superseded"]
PHASES: tuple[Phase, ...] = get_args(Phase)
Program = Annotated[str, pydantic.Field(min_length=1, max_length=MAX_PROGRAM)]
Words = Annotated[str, pydantic.Field(min_length=1, max_length=4000)]


class Programs(section.Section):
    """The programs, in the policy language."""

    rules: ClassVar = (
        rule.Rule(
            cel="has(self.router) || has(self.scheduler) || has(self.autoscaler)",
            message="a policy needs at least one program: router, scheduler or autoscaler",
            holds=lambda self: (self.router or self.scheduler or self.autoscaler) is not None,
        ),
    )

    router: Program | None = None
    """order() and score(): which held request goes next, and to which replica."""
    scheduler: Program | None = None
    """priority(): the priority that each request is given in vLLM."""
    autoscaler: Program | None = None
    """replicas(): how many replicas are wanted."""


class Parameter(section.Section):
    """A number that the programs read, with its bounds."""

    rules: ClassVar = (
        rule.Rule(
            cel="self.low < self.high && self.low <= self.value && self.value <= self.high",
            message="low must be below high, and the value must lie between them",
            holds=lambda self: self.low < self.high and self.low <= self.value <= self.high,
            field=".value",
        ),
    )

    value: float
    """The value in use."""
    low: float
    """No search goes below this."""
    high: float
    """No search goes above this."""
    unit: Annotated[str, pydantic.Field(min_length=1, max_length=512)]
    """Its unit."""
    meaning: Annotated[str, pydantic.Field(min_length=1, max_length=1024)]
    """What it means."""


PARAMETER_NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,62}", re.ASCII)
Parameters = Annotated[
    dict[str, Parameter],
    pydantic.Field(max_length=MAX_PARAMETERS),
    rule.Checked(
        cel="self.all(name, name.matches('^[A-Za-z][A-Za-z0-9_]{0,62}$'))",
        message="a parameter's name has at most 63 ASCII letters, digits and _, and starts with a letter",
        holds=lambda names: all(PARAMETER_NAME.fullmatch(name) for name in names),
    ),
]


class PolicySpec(section.Section):
    """The policy and why it is proposed. Nothing in it can change: a better policy is another GliaPolicy."""

    rules: ClassVar = (
        rule.Rule(
            cel="self == oldSelf", message="a GliaPolicy's spec cannot change; another policy is another revision"
        ),
    )

    optimization: Annotated[str, pydantic.Field(max_length=meta.MAX_OPTIMIZATION_NAME), words.Name]
    """Name of the GliaOptimization that asked for it, in the same namespace."""
    revision: Annotated[int, pydantic.Field(ge=1, le=999_999_999)]
    """Counts the policies of one GliaOptimization."""
    parent: Annotated[
        str, pydantic.Field(max_length=71), rule.shape("(sha256:[0-9a-f]{64})?", "must be a digest or empty")
    ]
    """Digest of the policy that it would replace; empty where there is none."""
    name: Annotated[
        str,
        pydantic.Field(min_length=1, max_length=63),
        rule.shape("[a-z0-9]([-a-z0-9]*[a-z0-9])?", "must be a name such as hra-spf"),
    ]
    """The policy document's own name."""
    programs: Programs
    """The programs, in the policy language."""
    parameters: Parameters = pydantic.Field(default_factory=dict)
    """The numbers that the programs read, by name."""
    rationale: Words
    """What it does and why that helps."""
    digest: words.Digest
    """Identity of the policy: of its name, rationale, parameters and programs."""
    evidence: evidences.Evidence
    """What the exam found."""


class Approval(section.Section):
    """The decision on a policy, by whoever has the right to approve. Once written it is final."""

    rules: ClassVar = (
        rule.Rule(
            cel="self.decision != 'Rejected' || has(self.reason)",
            message="a rejection says why: give a reason",
            holds=lambda self: self.decision != "Rejected" or self.reason is not None,
        ),
    )

    decision: Literal["Approved", "Rejected"]
    """Approved or Rejected."""
    by: Annotated[str, pydantic.Field(min_length=1, max_length=512)]
    """User name of whoever decides: the one who writes this, nobody else."""
    reason: Annotated[str, pydantic.Field(min_length=1, max_length=1024)] | None = None
    """Why."""
    exam_digest: words.Digest | None = None
    """Digest of the exam that the decision rests on; the operator's own approval must name it."""


class PolicyStatus(section.Status):
    """Where the policy stands; the operator alone writes it."""

    observed_generation: optimization_status.Count | None = None
    """The generation that this status speaks of."""
    phase: Phase | None = None
    """Proposed: waits for a decision. Approved, Rejected: the decision. Superseded: a later study made it pointless."""
    conditions: meta.Conditions = ()
    """The aspects of the state by type."""


class GliaPolicy(section.Section):
    """One immutable revision of a policy: its programs, its evidence, and the decision on it."""

    model_config = pydantic.ConfigDict(extra="ignore")
    rules: ClassVar = (
        rule.Rule(
            cel="self.metadata.name.startsWith(self.spec.optimization + '-') && "
            "self.metadata.name.substring(size(self.spec.optimization) + 1).matches('^[1-9][0-9]*$') && "
            "int(self.metadata.name.substring(size(self.spec.optimization) + 1)) == self.spec.revision",
            message="a GliaPolicy is named OPTIMIZATION-REVISION, such as chat-a10-1",
            holds=lambda self: self.metadata.name == name(self.spec.optimization, self.spec.revision),
        ),
        rule.Rule(
            cel="!has(oldSelf.approval) || (has(self.approval) && self.approval == oldSelf.approval)",
            message="the decision on a policy is final; another decision needs another revision",
        ),
    )

    api_version: Literal["glia.dev/v1alpha1"] = "glia.dev/v1alpha1"
    kind: Literal["GliaPolicy"] = "GliaPolicy"
    metadata: meta.ObjectMeta
    spec: PolicySpec
    """The policy and why it is proposed."""
    approval: Approval | None = None
    """The decision on it. Written once, by somebody with the verb approve on gliapolicies, in their own name."""
    status: PolicyStatus | None = None
    """Where it stands; the operator alone writes it."""


def name(optimization: str, revision: int) -> str:
    """The name of a revision's object."""
    return f"{optimization}-{revision}"


def read(content: object) -> GliaPolicy:
    """An object as the API server gives it.

    Raises:
        InputFault: naming the field, what was received and what would be right.
    """
    return section.read(GliaPolicy, content, KIND)

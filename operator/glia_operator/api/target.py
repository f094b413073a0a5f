"""What an optimisation is about: the fleet in the cluster."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import pydantic

from glia_operator.api import rule, section, words

LABEL_VALUE = rule.shape(
    "([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?", "must be a label's value: ASCII letters, digits, inner -, _ and ."
)


class WorkloadRef(section.Section):
    """The workload whose pods serve the model, in the namespace of this object."""

    api_version: Literal["apps/v1"] = "apps/v1"
    """API group and version of the workload."""
    kind: Literal["Deployment"] = "Deployment"
    """Kind of the workload."""
    name: words.Name
    """Name of the workload."""


class PoolRef(section.Section):
    """An InferencePool in the namespace of this object."""

    name: words.Name
    """Name of the InferencePool."""


class Selector(section.Section):
    """Which of the workload's pods are meant."""

    match_labels: Annotated[
        dict[str, Annotated[str, pydantic.Field(max_length=63), LABEL_VALUE]],
        pydantic.Field(min_length=1, max_length=16),
    ]
    """Labels that a pod must have, all of them."""


class Target(section.Section):
    """The fleet to optimise. Everything named here is in the namespace of this object; the target cannot change."""

    rules: ClassVar = (
        rule.Rule(
            cel="self == oldSelf",
            message="the target cannot change; create another GliaOptimization for another target",
        ),
    )

    workload_ref: WorkloadRef
    """The workload whose pods serve the model."""
    inference_pool_ref: PoolRef | None = None
    """The InferencePool that routes to those pods."""
    selector: Selector | None = None
    """Narrows the workload's pods; without it all of them are meant."""

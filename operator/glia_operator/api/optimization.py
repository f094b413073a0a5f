"""`GliaOptimization`: what a user wants, and where it stands."""

from __future__ import annotations

from typing import ClassVar, Literal

import pydantic

from glia_operator.api import meta, optimization_status, question, rule, section
from glia_operator.api import offline as offlines
from glia_operator.api import target as targets
from glia_operator.api import telemetry as telemetries

KIND = "GliaOptimization"


class Spec(question.Question):
    """What you want."""

    rules: ClassVar[tuple[rule.Rule, ...]] = (
        *question.Question.rules,
        rule.Rule(
            cel="has(self.offline) || has(self.telemetry)",
            message="give offline (a fleet and a trace) or telemetry (where metrics are read): without one of them "
            "there is nothing to study",
            holds=lambda self: (self.offline or self.telemetry) is not None,
        ),
    )

    target: targets.Target
    """The fleet in the cluster. It cannot change."""
    offline: offlines.Offline | None = None
    """A fleet and a trace that stand for the cluster in simulations."""
    telemetry: telemetries.Telemetry | None = None
    """Where the fleet's metrics are read. This version studies offline workloads alone."""
    paused: bool = False
    """While true nothing begins: a running study stops after its experiment, and goes on when this is false again."""


class GliaOptimization(section.Section):
    """One optimisation: what better means for one fleet, what may change, and who decides.

    The operator researches a better policy in a simulation of the fleet and proposes it as a GliaPolicy.
    """

    model_config = pydantic.ConfigDict(extra="ignore")
    rules: ClassVar = (
        rule.Rule(
            cel="size(self.metadata.name) <= 50 && !self.metadata.name.contains('.')",
            message="the name of a GliaOptimization has at most 50 characters and no dot: the names of its policies "
            "and of its notebook are built from it",
            holds=lambda self: len(self.metadata.name) <= meta.MAX_OPTIMIZATION_NAME and "." not in self.metadata.name,
        ),
    )

    api_version: Literal["glia.dev/v1alpha1"] = "glia.dev/v1alpha1"
    kind: Literal["GliaOptimization"] = "GliaOptimization"
    metadata: meta.ObjectMeta
    spec: Spec
    """What you want."""
    status: optimization_status.OptimizationStatus | None = None
    """Where it stands; the operator alone writes it."""


def read(content: object) -> GliaOptimization:
    """An object as the API server gives it.

    Raises:
        InputFault: naming the field, what was received and what would be right.
    """
    return section.read(GliaOptimization, content, KIND)

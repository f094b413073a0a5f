"""A fleet and a trace that stand for the cluster, as far as an object in a cluster may name them."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pydantic

from glia_operator.api import rule, section, words

MAX_REQUESTS = 200_000
"""A longer trace is refused: its study would take the operator's memory."""

Baseline = Annotated[
    str,
    pydantic.Field(max_length=63),
    rule.shape(
        "[a-z0-9]([-a-z0-9]*[a-z0-9])?", "must be the name of a policy of the catalogue, such as llq; `glia policies`"
    ),
]


class ConfigMapRef(section.Section):
    """A ConfigMap in the namespace of this object that holds a fleet, a trace, or both."""

    name: words.Name
    """Name of the ConfigMap."""
    fleet_key: words.Key = "fleet.yaml"
    """The key whose value is a fleet file."""
    trace_key: words.Key = "trace.csv"
    """The key whose value is a trace, CSV or JSON lines."""


class Cut(section.Section):
    """Which part of a trace is served, how fast, and the policy in use."""

    time_scale: Annotated[float, pydantic.Field(gt=0, le=1_000_000)] = 1.0
    """Arrival times are multiplied by this: 2 halves the load."""
    start: Annotated[float, pydantic.Field(ge=0, le=1_000_000_000)] = 0.0
    """Seconds into the trace at which to begin."""
    limit: Annotated[int, pydantic.Field(ge=1, le=MAX_REQUESTS)] | None = None
    """At most so many requests."""
    baseline: Baseline = "llq"
    """The policy in use, by its name in the catalogue."""


class Offline(Cut):
    """A fleet and a trace that stand for the cluster: by name, or in a ConfigMap."""

    rules: ClassVar = (
        rule.Rule(
            cel="has(self.configMapRef) || (has(self.fleet) && has(self.trace))",
            message="give both fleet and trace, or a configMapRef that holds what is left out",
            holds=lambda self: self.config_map_ref is not None or None not in (self.fleet, self.trace),
        ),
        rule.Rule(
            cel="!has(self.configMapRef) || !has(self.fleet) || !has(self.trace)",
            message="fleet and trace are both named, so configMapRef would not be read; leave one of the three out",
            holds=lambda self: self.config_map_ref is None or None in (self.fleet, self.trace),
            field=".configMapRef",
        ),
    )

    fleet: (
        Annotated[
            str,
            pydantic.Field(max_length=63),
            rule.shape(
                "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
                "must be the name of a built-in fleet, such as paper-a10x4; a fleet of your own goes into a ConfigMap",
            ),
        ]
        | None
    ) = None
    """Name of a built-in fleet; `glia fleets` lists them. Without it the fleet stands in the ConfigMap."""
    trace: (
        Annotated[
            str,
            pydantic.Field(max_length=253),
            rule.shape(
                "synthetic:[a-z0-9-]+([?][a-z0-9_=&.+-]*)?",
                "must be synthetic:NAME?key=value&..., such as synthetic:paper?requests=2000&seed=1; "
                "a trace of your own goes into a ConfigMap",
            ),
        ]
        | None
    ) = None
    """A synthetic workload, such as synthetic:paper?requests=2000&seed=1. Without it the trace stands in the
    ConfigMap."""
    config_map_ref: ConfigMapRef | None = None
    """A ConfigMap that holds what fleet and trace do not name."""

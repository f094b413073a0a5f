"""`GliaOptimization`: what a user wants, as far as it can be answered offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import pydantic
import yaml
from pydantic.alias_generators import to_camel

from glia_sim import faults

if TYPE_CHECKING:
    import pathlib

STATISTICS = {0.5: "p50", 0.9: "p90", 0.95: "p95", 0.99: "p99"}
MAX_BYTES = 262_144


def _known(quantile: float) -> float:
    if quantile not in STATISTICS:
        raise ValueError(f"must be one of {', '.join(map(str, STATISTICS))}")
    return quantile


class _Section(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, allow_inf_nan=False
    )


class Objective(_Section):
    """Exactly one of `minimize` and `maximize`."""

    minimize: Literal["mean-latency", "p95-latency", "gpu-hours"] | None = None
    maximize: Literal["throughput"] | None = None

    @pydantic.model_validator(mode="after")
    def _one(self) -> Objective:
        if (self.minimize is None) == (self.maximize is None):
            raise ValueError("give exactly one of minimize and maximize")
        return self

    @property
    def name(self) -> str:
        """The objective's name in `glia_sim.goal`."""
        return self.minimize or str(self.maximize)


class Constraint(_Section):
    """A bound on a quantile of a measure, for example ttft at 0.9 below 1500ms; no quantile means the mean."""

    metric: Literal["e2e", "ttft", "queue", "slowdown"]
    quantile: Annotated[float, pydantic.AfterValidator(_known)] | None = None
    below: str | float

    @property
    def text(self) -> str:
        """The constraint as `goal.constraint` reads it."""
        statistic = "mean" if self.quantile is None else STATISTICS[self.quantile]
        return f"{statistic} {self.metric} < {self.below}"


class Offline(_Section):
    """A fleet and a trace that stand for the cluster."""

    fleet: str
    trace: str
    time_scale: Annotated[float, pydantic.Field(gt=0)] = 1.0
    start: Annotated[float, pydantic.Field(ge=0)] = 0.0
    limit: Annotated[int, pydantic.Field(ge=1)] | None = None
    baseline: str = "llq"


class Tune(_Section):
    """The programs that may change; a section that is left out may not."""

    router: dict[str, float] | None = None
    scheduler: dict[str, float] | None = None
    autoscaler: dict[str, float] | None = None


class Budget(_Section):
    """How much research may spend."""

    experiments: Annotated[int, pydantic.Field(ge=1, le=200)] = 20


class Research(_Section):
    """How research is done."""

    budget: Budget = Budget()


class Spec(_Section):
    """The wish."""

    objective: Objective = Objective(minimize="mean-latency")
    constraints: tuple[Constraint, ...] = ()
    tune: Tune = Tune(router={}, scheduler={})
    research: Research = Research()
    offline: Offline


class Metadata(_Section):
    """The object's name."""

    name: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class GliaOptimization(_Section):
    """One optimisation."""

    api_version: Literal["glia.dev/v1alpha1"]
    kind: Literal["GliaOptimization"]
    metadata: Metadata
    spec: Spec


def load(path: pathlib.Path) -> GliaOptimization:
    """Read one object from a YAML file.

    Raises:
        InputFault: naming the file, the field, what was received and what would be right.
    """
    try:
        text = path.read_bytes()[: MAX_BYTES + 1].decode()
        if len(text) > MAX_BYTES:
            raise faults.InputFault(f"{path}: larger than {MAX_BYTES} bytes; a GliaOptimization is a short file")
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise faults.InputFault(f"{path}: not a readable YAML file: {' '.join(str(error).split())}") from None
    try:
        return GliaOptimization.model_validate(content)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        raise faults.InputFault(f"{path}: {field}: {first['msg']}, received {first['input']!r:.80}") from None

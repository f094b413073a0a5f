"""What better means and what may change: the part of a GliaOptimization that a study answers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import pydantic

from glia_operator.api import brain as brains
from glia_operator.api import rule, section, words

STATISTICS = {0.5: "p50", 0.9: "p90", 0.95: "p95", 0.99: "p99"}
MAX_CONSTRAINTS = 16
MAX_EXPERIMENTS = 200
MAX_SEED = 2**28 - 1
MAX_REPLICAS = 1000
NEED_MODEL = frozenset({"best-of-n", "evolution"})
"""Strategies in which a model writes the policies."""


class Objective(section.Section):
    """What to improve: exactly one of minimize and maximize."""

    rules: ClassVar = (
        rule.Rule(
            cel="has(self.minimize) != has(self.maximize)",
            message="give exactly one of minimize and maximize",
            holds=lambda self: (self.minimize is None) != (self.maximize is None),
        ),
    )

    minimize: Literal["mean-latency", "p95-latency", "gpu-hours"] | None = None
    """What to lower: the mean or the 95th percentile of end-to-end latency, or GPU-hours per finished request."""
    maximize: Literal["throughput"] | None = None
    """What to raise: finished requests per second."""

    @property
    def name(self) -> str:
        """The objective's name in `glia_sim.goal`."""
        return self.minimize or str(self.maximize)


def _quantile(value: float) -> float:
    if value not in STATISTICS:
        raise ValueError(f"must be one of {', '.join(map(str, STATISTICS))}")
    return value


Quantile = Annotated[
    float,
    pydantic.AfterValidator(_quantile),
    pydantic.WithJsonSchema({"type": "number", "enum": list(STATISTICS)}),
]


class Constraint(section.Section):
    """An upper bound that must hold, for example ttft at quantile 0.9 below 1500ms."""

    rules: ClassVar = (
        rule.Rule(
            cel="self.metric == 'slowdown' || (type(self.below) == string && (self.below.endsWith('s') || "
            "self.below.endsWith('m') || self.below.endsWith('min') || self.below.endsWith('h')))",
            message="a limit on e2e, ttft or queue is a time with its unit, such as 1500ms, 1.5s or 2m",
            holds=lambda self: self.metric == "slowdown" or words.has_unit(self.below),
            field=".below",
        ),
        rule.Rule(
            cel="self.metric != 'slowdown' || type(self.below) == int || !(self.below.endsWith('s') || "
            "self.below.endsWith('m') || self.below.endsWith('min') || self.below.endsWith('h'))",
            message="a limit on slowdown is a ratio without a unit, such as 5 or '2.5'",
            holds=lambda self: self.metric != "slowdown" or not words.has_unit(self.below),
            field=".below",
        ),
    )

    metric: Literal["e2e", "ttft", "queue", "slowdown"]
    """What is measured of each request: end-to-end time, time to first token, time until it first runs, or slowdown
    (end-to-end time divided by what the request would take alone)."""
    quantile: Quantile | None = None
    """The quantile that is bounded: 0.5, 0.9, 0.95 or 0.99. Without it the mean is bounded."""
    below: words.Limit
    """The bound, above 0: a time with its unit (1500ms, 1.5s, 2m), for slowdown a ratio (5, or '2.5' in quotes)."""

    @property
    def text(self) -> str:
        """The constraint as `goal.constraint` reads it."""
        statistic = "mean" if self.quantile is None else STATISTICS[self.quantile]
        limit = f"{words.seconds(str(self.below))!r} s" if words.has_unit(self.below) else str(self.below)
        return f"{statistic} {self.metric} < {limit}"


class Router(section.Section):
    """The router's program may change."""


class Scheduler(section.Section):
    """The batch scheduler's program may change."""


Replicas = Annotated[int, pydantic.Field(ge=1, le=MAX_REPLICAS)]


class Autoscaler(section.Section):
    """The autoscaler's program may change, within these bounds."""

    rules: ClassVar = (
        rule.Rule(
            cel="!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
            message="minReplicas must not be above maxReplicas",
            holds=lambda self: None in (self.min_replicas, self.max_replicas) or self.min_replicas <= self.max_replicas,
            field=".minReplicas",
        ),
    )

    min_replicas: Replicas | None = None
    """Never fewer replicas than this; without it the fleet's own bound."""
    max_replicas: Replicas | None = None
    """Never more replicas than this; without it the fleet's own bound."""


class Tune(section.Section):
    """The programs that may change; a section that is left out may not."""

    rules: ClassVar = (
        rule.Rule(
            cel="has(self.router) || has(self.scheduler) || has(self.autoscaler)",
            message="give at least one of router, scheduler and autoscaler: nothing else can be tuned",
            holds=lambda self: (self.router or self.scheduler or self.autoscaler) is not None,
        ),
    )

    router: Router | None = None
    """Let the router's program change: the order of held requests, and which replica each goes to."""
    scheduler: Scheduler | None = None
    """Let the batch scheduler's program change: the priority that each request is given in vLLM."""
    autoscaler: Autoscaler | None = None
    """Let the autoscaler's program change: how many replicas are wanted."""

    @property
    def programs(self) -> frozenset[str]:
        """Names of the programs that may change."""
        sections = {"router": self.router, "scheduler": self.scheduler, "autoscaler": self.autoscaler}
        return frozenset(name for name, one in sections.items() if one is not None)


class Budget(section.Section):
    """How much a study may spend."""

    experiments: Annotated[int, pydantic.Field(ge=1, le=MAX_EXPERIMENTS)] = 20
    """At most so many hypotheses are tried; tuning a hypothesis' parameters is part of it."""
    duration: words.Duration | None = None
    """No new experiment begins after this time. With it the answer depends on how fast the machine is."""
    tokens: Annotated[int, pydantic.Field(ge=1_000, le=1_000_000_000)] | None = None
    """At most so many tokens of a model, read and written together; without it two million."""


class Research(section.Section):
    """How research is done."""

    rules: ClassVar = (
        rule.Rule(
            # The API server checks the default of research, which is empty, before its fields have theirs.
            cel="!has(self.strategy) || !(self.strategy in ['best-of-n', 'evolution'])"
            " || (has(self.brain) && has(self.brain.openai))",
            message="the strategies best-of-n and evolution need a model: give brain.openai",
            holds=lambda self: self.strategy not in NEED_MODEL or self.brain.openai is not None,
            field=".strategy",
        ),
    )

    strategy: Literal["glia", "single", "best-of-n", "evolution", "search", "catalogue"] = "glia"
    """How the study goes about it. glia: a Researcher and a Supervisor; single: a Researcher alone; best-of-n and
    evolution: a model's attempts, alone or bred; search: structures by chance; catalogue: known policies, tuned."""
    brain: brains.Brain = brains.Brain()
    """Who has the ideas."""
    budget: Budget = Budget()
    """How much a study may spend."""
    hints: Annotated[str, pydantic.Field(max_length=4096), rule.PRINTABLE] = ""
    """What you know about the workload, in your own words. Hints are noted in the notebook; they restart nothing."""
    seed: Annotated[int, pydantic.Field(ge=0, le=MAX_SEED)] = 0
    """Another seed draws other arrivals, in search and exam alike; the same seed gives the same answer."""


class Rollout(section.Section):
    """What it takes for a policy to replace the one in use."""

    approval: Literal["Manual", "Automatic"] = "Manual"
    """Manual: a person with the right to approve decides (kubectl glia approve). Automatic: the exam decides."""
    min_improvement: words.Percent = "0.5%"
    """The least improvement of the objective worth having. Whatever is proposed is better than the policy in use by
    more than chance explains; this asks for more than that."""


def _distinct(self: Question) -> bool:
    bounded = [(one.metric, one.quantile) for one in self.constraints]
    return len(set(bounded)) == len(bounded)


class Question(section.Section):
    """What better means and what may change."""

    rules: ClassVar[tuple[rule.Rule, ...]] = (
        rule.Rule(
            cel="!has(self.constraints) || self.constraints.all(a, self.constraints.exists_one(b, "
            "a.metric == b.metric && has(a.quantile) == has(b.quantile) && "
            "(!has(a.quantile) || a.quantile == b.quantile)))",
            message="the same metric and quantile is bounded twice; keep the stricter constraint",
            holds=_distinct,
            field=".constraints",
        ),
        rule.Rule(
            cel="!has(self.objective.minimize) || self.objective.minimize != 'gpu-hours' || has(self.tune.autoscaler)",
            message="gpu-hours is what the autoscaler decides: add tune.autoscaler, or choose another objective",
            holds=lambda self: self.objective.minimize != "gpu-hours" or self.tune.autoscaler is not None,
            field=".objective",
        ),
    )

    objective: Objective = Objective(minimize="mean-latency")
    """What to improve."""
    constraints: Annotated[
        tuple[Constraint, ...],
        pydantic.Field(max_length=MAX_CONSTRAINTS, strict=False, json_schema_extra=words.ATOMIC),
    ] = ()
    """Bounds that a new policy must keep, each on another metric or quantile."""
    tune: Tune = Tune(router=Router(), scheduler=Scheduler())
    """The programs that may change; a section that is left out may not."""
    research: Research = Research()
    """How research is done."""
    rollout: Rollout = Rollout()
    """What it takes for a policy to replace the one in use."""

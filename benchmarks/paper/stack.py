"""Router, batch scheduler and autoscaler together against the defaults of a vLLM cluster, and each part taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.research import brief as briefs
from glia_sim import effect, exam, goal, seeds
from glia_sim.policy import document
from paper import point, tables, variable

if TYPE_CHECKING:
    from paper import asking

TITLE = "Whole stack on a variable load, with ablation"
DATA = variable.DATA
EXPERIMENTS = 8
PAPER = 0.6
"""GPU-hours over the defaults' that the paper reports."""
SCALER = """\
def replicas(fleet, p):
    waiting = 0
    for one in fleet.replicas:
        waiting += one.waiting
    needed = ceil(waiting / 5)
    if needed < fleet.wanted and fleet.since_scale_s < 300:
        return fleet.wanted
    return min(needed, max(2 * fleet.wanted, fleet.wanted + 4))
"""
DEFAULTS = (
    "Defaults: what vLLM's production-stack chart installs. Router: round robin. Batch scheduler: arrival order. "
    "Autoscaler: the chart's default KEDA trigger (one replica for every 5 in the sum of vllm:num_requests_waiting) as "
    "the Kubernetes HPA follows it (at once upwards, by at most double or 4 more; downwards after 300 s without a "
    "change), decided every 15 s within the fleet's bounds. KEDA is off until it is enabled: static is the same stack "
    "with the fewest replicas that keep p95 slowdown < 5."
)
ASKED = (
    "The study lowers GPU-hours under the constraint that p95 end-to-end time stays below the defaults' on validation "
    "seeds. A part taken away is the default again, the rest unchanged: it helps where the row costs more or its p95 "
    "is worse."
)


def defaults() -> document.Policy:
    """Router, batch scheduler and autoscaler of a vLLM cluster, as its chart sets them."""
    return document.Policy(
        name="vllm-cluster-defaults",
        rationale="Round robin, arrival order, and a replica for every five requests that wait inside the replicas.",
        router=document.load("rr").router,
        autoscaler=SCALER,
    )


def table(asked: asking.Asked) -> tables.Table:
    """Defaults, the study's stack, the stack without each part, and the static fleet."""
    workload, static = variable.hour(asked), document.load("rr")
    machines = variable.starting(variable.fewest(asked, workload, static))
    usual = defaults()
    (sized,) = variable.pooled(asked, machines, workload, (usual,), seeds.stream("validation", variable.SIZING_SEEDS))
    limit = goal.Constraint(statistic="p95", measure="e2e", limit=sized.pooled.charged.e2e.p95)
    outcome = asked.study(
        briefs.Brief(
            fleet=machines,
            workload=workload,
            baseline=usual,
            objective=variable.GPU_HOURS,
            constraints=(limit,),
            experiments=EXPERIMENTS,
        )
    )
    arms = {"vLLM cluster defaults": usual, "this project's study": outcome.best}
    arms |= {f"without its {part}": without(outcome.best, part, usual) for part in outcome.best.texts}
    arms["static, defaults otherwise"] = static
    marks = variable.pooled(asked, machines, workload, tuple(arms.values()), variable.heldout())
    rows = [_row(label, one, marks[0]) for label, one in zip(arms, marks, strict=True)]
    return tables.Table(
        title=TITLE,
        command="python -m paper --only stack",
        seeds=f"{variable.HELDOUT_SEEDS} held-out hours, drawn in place",
        measure="GPU-hours over the defaults'",
        columns=("GPU-hours", "p95 e2e (s)", "p95 slowdown", "mean e2e (s)", "p99 e2e (s)"),
        rows=tuple(rows),
        notes=(DEFAULTS, ASKED, f"Constraint: {limit}.", point.told(outcome)),
    )


def without(policy: document.Policy, part: str, usual: document.Policy) -> document.Policy:
    """The policy with one program as in the defaults, and the parameters that nothing reads any more left out."""
    texts = {name: text for name, text in policy.texts.items() if name != part}
    if part in usual.texts:
        texts[part] = usual.texts[part]
    read = {
        parameter
        for name, text in texts.items()
        if policy.texts.get(name) == text
        for facts in policy.programs[name].facts.values()
        for parameter in facts.parameters
    }
    return document.Policy(
        name=f"{policy.name}-without-{part}"[:63].rstrip("-"),
        rationale=f"{policy.name} with the default {part}.",
        parameters={name: parameter for name, parameter in policy.parameters.items() if name in read},
        **texts,
    )


def _row(label: str, marks: point.Marks, usual: point.Marks) -> tables.Row:
    found = effect.compare(usual.cards, marks.cards, "gpu_hours", seed=exam.INTERVAL_SEED)
    charged = marks.pooled.charged
    return tables.Row(
        label=label,
        ours=1.0 + found.estimate,
        paper=PAPER if label == "this project's study" else None,
        interval=(1.0 + found.low, 1.0 + found.high),
        more=(variable.hours(marks), charged.e2e.p95, charged.slowdown.p95, charged.e2e.mean, charged.e2e.p99),
    )

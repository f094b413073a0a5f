"""`kubectl glia status`: where optimisations stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.api import optimization_status as statuses
from glia_operator.api import words
from glia_operator.plugin import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.api import optimization, policy
    from glia_operator.plugin import told as tolds

NONE = "-"
TITLES = ("NAME", "PHASE", "OBJECTIVE", "PREDICTED", "ACTIVE", "MESSAGE")


def overview(found: Sequence[optimization.GliaOptimization], namespace: str) -> str:
    """A line per optimisation."""
    if not found:
        return f"no GliaOptimization in namespace {namespace}; name another with -n\n"
    rows = [TITLES, *(_row(one) for one in found)]
    return "\n".join(text.table(rows)) + "\n"


def _row(one: optimization.GliaOptimization) -> tuple[str, ...]:
    status = one.status or statuses.OptimizationStatus()
    return (
        one.metadata.name,
        status.phase or NONE,
        one.spec.objective.name,
        status.candidate.predicted_improvement if status.candidate else NONE,
        status.active.policy if status.active else NONE,
        status.message or NONE,
    )


def details(told: tolds.Told) -> str:
    """One optimisation at length."""
    one = told.optimization
    status = one.status
    if status is None:
        return (
            f"{told.name}: nothing said yet; is the operator running and watching namespace "
            f"{one.metadata.namespace or 'default'}?\n"
        )
    lines = [f"{told.name}: {status.phase or 'no phase'}" + (f": {status.message}" if status.message else "")]
    seen, now = status.observed_generation, one.metadata.generation
    if seen is not None and now is not None and seen < now:
        lines += text.paragraph(f"This speaks of generation {seen}; the operator has not seen generation {now} yet.")
    lines += text.section("Asked", _asked(one))
    lines += text.section("Study", _study(status))
    lines += text.section("Policies", _policies(told.policies))
    lines += text.section("Conditions", _conditions(status))
    return "\n".join(lines) + "\n"


def _asked(one: optimization.GliaOptimization) -> list[str]:
    spec = one.spec
    bounds = "; ".join(constraint.text for constraint in spec.constraints)
    lines = [f"  objective  {spec.objective.name}" + (f", with {bounds}" if bounds else "")]
    lines.append(f"  tunes      {', '.join(sorted(spec.tune.programs))} of {spec.target.workload_ref.name}")
    least = spec.rollout.min_improvement
    asks = f"an improvement of {least} or more" if words.share(least) else "any improvement that the exam shows"
    lines.append(f"  approval   {spec.rollout.approval}, of {asks}")
    if spec.paused:
        lines.append("  paused     yes; `kubectl glia resume` goes on")
    if spec.research.hints:
        lines += text.paragraph(spec.research.hints, indent="             ", first="  hints      ")
    return lines


def _study(status: statuses.OptimizationStatus) -> list[str]:
    study = status.study
    if study is None:
        return []
    lines = [
        f"  {study.experiments_done} of {study.experiments_budget} experiments, {study.simulations} simulations"
        + (f", since {study.started_at}" if study.started_at else "")
    ]
    if study.question:
        lines += text.paragraph(f"now: {study.question}")
    if study.finding:
        lines += text.paragraph(f"last: {study.finding}")
    if status.candidate is not None:
        found = status.candidate
        span = f" ({found.interval.low} to {found.interval.high})" if found.interval else ""
        lines.append(f"  proposes {found.policy}: {found.predicted_improvement}{span} predicted")
    return lines


def _policies(policies: Sequence[policy.GliaPolicy]) -> list[str]:
    return [f"  {line}" for line in history_table(policies)] if policies else []


def _conditions(status: statuses.OptimizationStatus) -> list[str]:
    lines: list[str] = []
    for one in status.conditions:
        lines += text.paragraph(
            f"{one.type}={one.status} {one.reason}: {one.message}".rstrip(": "), indent="      ", first="  "
        )
    return lines


def history(told: tolds.Told) -> str:
    """Every policy of an optimisation, a line each."""
    if not told.policies:
        return f"{told.name} has no policies yet\n"
    return "\n".join(history_table(told.policies)) + "\n"


def history_table(policies: Sequence[policy.GliaPolicy]) -> list[str]:
    """Titles and a line per policy."""
    rows = [("REV", "POLICY", "PHASE", "IMPROVEMENT", "INTERVAL", "P99", "CREATED", "BY", "REASON")]
    for one in policies:
        found, said = one.spec.evidence, one.approval
        rows.append(
            (
                str(one.spec.revision),
                one.metadata.name,
                phase(one),
                found.improvement,
                f"{found.interval.low} to {found.interval.high}" if found.interval else NONE,
                f"x{found.p99_ratio:.3f}" if found.p99_ratio is not None else NONE,
                one.metadata.creation_timestamp or NONE,
                said.by if said else NONE,
                (said.reason or NONE) if said else NONE,
            )
        )
    return text.table(rows)


def phase(one: policy.GliaPolicy) -> str:
    """Where a policy stands; the decision itself where the operator has not taken note of it yet."""
    if one.status is not None and one.status.phase is not None:
        return one.status.phase
    return one.approval.decision if one.approval is not None else "Proposed"

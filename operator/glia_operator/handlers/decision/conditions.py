"""The aspects of the state, each from the observation and the finding alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from glia_operator.api import meta
from glia_operator.handlers.decision import revisions

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_operator.handlers.decision import phases
    from glia_operator.handlers.decision.seen import Observed

LONGEST = 2000
BRIEF_TROUBLE = ("InvalidSpec", "BadInput", "ConfigMapMissing", "ConfigMapUnreadable")
DEGRADING = ("StudyBroke", "NotebookBroken")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A condition without its times."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""


def _target_ready(now: Observed, _finding: phases.Finding) -> Said | None:
    if now.spec is None:
        return Said(status="Unknown", reason="InvalidSpec", message="the spec names no target that can be read")
    name = now.spec.target.workload_ref.name
    if now.target:
        return Said(status="True", reason="Found", message=f"Deployment {name} is there")
    what = f"Deployment {name} is not in namespace {now.namespace}; create it, or name the one that serves the model"
    return Said(status="False", reason="TargetMissing", message=what)


def _telemetry_ready(now: Observed, _finding: phases.Finding) -> Said | None:
    if now.spec is None or now.spec.telemetry is None:
        return None
    if now.spec.offline is None:
        what = "telemetry is stored but not read yet; add spec.offline with a fleet and a trace"
    else:
        what = "telemetry is stored but not read yet; spec.offline is studied instead"
    return Said(status="False", reason="OfflineOnly", message=what)


def _brief_ready(now: Observed, finding: phases.Finding) -> Said | None:
    if finding.reason in BRIEF_TROUBLE:
        return Said(status="False", reason=finding.reason, message=finding.note)
    if now.brief or (now.study.brief and now.study.question == now.question):
        return Said(
            status="True", reason="Built", message="fleet and trace are read, and the fleet can serve the trace"
        )
    return Said(status="Unknown", reason=finding.reason, message="fleet and trace are not read yet")


def _slo_feasible(now: Observed, _finding: phases.Finding) -> Said | None:
    answer = now.notebook.answer if now.notebook is not None else None
    if answer is not None and answer.feasible is not None:
        reason = "Kept" if answer.feasible else "OutOfReach"
        return Said(status="True" if answer.feasible else "False", reason=reason, message=answer.feasibility)
    if now.same_question:
        return _as_before(now, "SLOFeasible")
    if now.spec is not None and now.spec.constraints:
        return Said(status="Unknown", reason="NotExamined", message="the study has not come to its exam yet")
    return None


def _candidate_approved(now: Observed, finding: phases.Finding) -> Said | None:
    candidate = revisions.candidate(now)
    if candidate is not None and candidate.decision:
        return Said(
            status="True" if candidate.decision == "Approved" else "False",
            reason=candidate.decision,
            message=f"{candidate.name}: {candidate.decision.lower()} by {candidate.by}",
        )
    if candidate is not None:
        withheld = finding.reason == "ApprovalWithheld"
        message = finding.note if finding.phase == "AwaitingApproval" else f"{candidate.name} waits for approval"
        return Said(status="Unknown", reason="Withheld" if withheld else "AwaitingApproval", message=message)
    if finding.phase == "NoImprovement":
        return Said(status="False", reason="NoImprovement", message="the study proposes nothing")
    return Said(status="Unknown", reason="NoCandidate", message="no study of this question is finished")


def _degraded(now: Observed, finding: phases.Finding) -> Said | None:
    if now.trouble is not None:
        return Said(status="True", reason=now.trouble.reason, message=now.trouble.sentence)
    if finding.reason in DEGRADING:
        return Said(status="True", reason=finding.reason, message=finding.note)
    invalid = [policy for policy in now.policies if policy.fault]
    if invalid:
        message = f"GliaPolicy {invalid[0].name} cannot be used: {invalid[0].fault}; delete it"
        return Said(status="True", reason="PolicyInvalid", message=message)
    return Said(status="False", reason="AsExpected")


def _paused(now: Observed, _finding: phases.Finding) -> Said | None:
    if now.spec is not None and now.spec.paused:
        return Said(status="True", reason="SpecPaused", message="set spec.paused to false to go on")
    return Said(status="False", reason="NotPaused")


def _conflict(now: Observed, _finding: phases.Finding) -> Said | None:
    if now.winner:
        message = f"GliaOptimization {now.winner} is older and has the same target; this one waits until it is gone"
        return Said(status="True", reason="OlderHasTarget", message=message)
    return Said(status="False", reason="AloneOnTarget")


TABLE: dict[str, Callable[[Observed, phases.Finding], Said | None]] = {
    "TargetReady": _target_ready,
    "TelemetryReady": _telemetry_ready,
    "BriefReady": _brief_ready,
    "SLOFeasible": _slo_feasible,
    "CandidateApproved": _candidate_approved,
    "Degraded": _degraded,
    "Paused": _paused,
    "Conflict": _conflict,
}


def all_of(now: Observed, finding: phases.Finding, moment: str) -> tuple[meta.Condition, ...]:
    """Every condition that has something to say, with the time of its last change of status."""
    before = {one.type: one for one in now.before.conditions}
    said = {name: rule(now, finding) for name, rule in TABLE.items()}
    return tuple(
        stamped(name, one, before.get(name), now.generation, moment) for name, one in said.items() if one is not None
    )


def stamped(name: str, said: Said, before: meta.Condition | None, generation: int, moment: str) -> meta.Condition:
    """The condition as it stands in a status; its time moves only when its status does."""
    same = before is not None and before.status == said.status
    return meta.Condition(
        type=name,
        status=said.status,
        reason=said.reason,
        message=said.message[:LONGEST],
        observed_generation=generation,
        last_transition_time=before.last_transition_time if same and before is not None else moment,
    )


def _as_before(now: Observed, name: str) -> Said | None:
    for one in now.before.conditions:
        if one.type == name:
            return Said(status=one.status, reason=one.reason, message=one.message)
    return None

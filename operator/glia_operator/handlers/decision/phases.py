"""Which phase an optimisation is in: a table of rules, read from the top; the first that speaks decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_operator.handlers.decision import act, revisions, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_operator.api import optimization_status as statuses
    from glia_operator.handlers.decision.seen import Observed

LOOK_AGAIN_S = 60.0
"""After this time it is looked for again whether somebody has mended what no watch shows: a right, or a notebook."""
WAITS = "the study waits for a free worker"
MOST_REASONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule says.

    Attributes:
        reason: one word, of the event that tells it.
        note: the event's sentence; it does not change while nothing happens.
        message: the status's sentence, where it says more than the note.
        mend: whether somebody has to mend something.
        studies: whether a study may run.
    """

    phase: statuses.Phase
    reason: str
    note: str
    message: str = ""
    mend: bool = False
    studies: bool = False
    actions: tuple[act.Action, ...] = ()
    requeue_after_s: float | None = None


def _unreadable(now: Observed) -> Finding | None:
    if now.spec is not None:
        return None
    return Finding(phase="Failed", reason="InvalidSpec", note=now.spec_fault, mend=True)


def _conflict(now: Observed) -> Finding | None:
    if not now.winner:
        return None
    note = (
        f"GliaOptimization {now.winner} is older and has the same target; delete one of the two, "
        "or give this one another target"
    )
    return Finding(phase="Pending", reason="Conflict", note=note, mend=True)


def _paused(now: Observed) -> Finding | None:
    if now.spec is None or not now.spec.paused:
        return None
    note = "spec.paused is true: nothing begins; what was found is kept"
    return Finding(phase="Paused", reason="Paused", note=note)


def _no_workload(now: Observed) -> Finding | None:
    if now.spec is None or now.spec.offline is not None:
        return None
    note = "this version studies offline workloads only: add spec.offline with a fleet and a trace"
    return Finding(phase="Pending", reason="OfflineOnly", note=note, mend=True)


def _no_target(now: Observed) -> Finding | None:
    if now.target or now.spec is None:
        return None
    name = now.spec.target.workload_ref.name
    note = f"Deployment {name} is not in namespace {now.namespace}; create it, or name the one that serves the model"
    return Finding(phase="Pending", reason="TargetMissing", note=note, mend=True)


def _no_question(now: Observed) -> Finding | None:
    if now.question_fault is None:
        return None
    reason, note = now.question_fault.reason, now.question_fault.sentence
    again_s = LOOK_AGAIN_S if reason == "ConfigMapUnreadable" else None
    return Finding(phase="Pending", reason=reason, note=note, mend=True, requeue_after_s=again_s)


def _decided(now: Observed) -> Finding | None:
    candidate = revisions.candidate(now)
    if candidate is None or not candidate.decision:
        return None
    if candidate.decision == "Approved":
        note = f"{candidate.name} ({candidate.improvement}) is approved by {candidate.by}"
        return Finding(phase="Approved", reason="Approved", note=note)
    note = (
        f"{candidate.name} is rejected by {candidate.by}: {candidate.reason}; "
        "change the spec, for example research.seed, to study again"
    )
    return Finding(phase="Rejected", reason="Rejected", note=note)


def _proposed(now: Observed) -> Finding | None:
    candidate = revisions.candidate(now)
    if candidate is None or now.spec is None:
        return None
    if now.spec.rollout.approval == "Manual":
        note = f"{candidate.name} ({candidate.improvement}) waits for approval: kubectl glia approve {candidate.name}"
        return Finding(phase="AwaitingApproval", reason="AwaitingApproval", note=note)
    why = revisions.why_not(now, candidate)
    if why:
        note = f"{candidate.name} is not approved automatically: {why}; approve or reject it by hand"
        return Finding(phase="AwaitingApproval", reason="ApprovalWithheld", note=note, mend=True)
    note = f"{candidate.name} ({candidate.improvement}) passed its exam and is being approved"
    reason = f"rollout.approval is Automatic, and the exam shows {candidate.improvement}"
    approve = act.ApprovePolicy(name=candidate.name, exam=candidate.exam, reason=reason)
    return Finding(phase="AwaitingApproval", reason="AwaitingApproval", note=note, actions=(approve,))


def _answered(now: Observed) -> Finding | None:
    answer = now.notebook.answer if now.notebook is not None else None
    if answer is None:
        return None
    if answer.proposal is None:
        return _nothing_found(now, answer.reasons)
    create = revisions.proposed(now, answer)
    note = f"the study is finished; {create.name} ({answer.improvement}) is being proposed"
    return Finding(phase="Studying", reason="StudyFinished", note=note, actions=(create,))


def _nothing_found(now: Observed, reasons: tuple[str, ...]) -> Finding:
    told = "; ".join(reasons[:MOST_REASONS]) or "no experiment beat the policy in use"
    count = now.notebook.experiments if now.notebook is not None else 0
    note = f"{count} experiments found no improvement that passes the exam: {told}"
    return Finding(phase="NoImprovement", reason="NoImprovement", note=note)


def _nothing_found_before(now: Observed) -> Finding | None:
    """As the status says already; the notebook need not be read again."""
    if not (now.same_question and now.before.phase == "NoImprovement" and now.before.last_event is not None):
        return None
    return Finding(phase="NoImprovement", reason="NoImprovement", note=now.before.message)


def _broken_notebook(now: Observed) -> Finding | None:
    if not now.notebook_fault:
        return None
    return Finding(
        phase="Failed", reason="NotebookBroken", note=now.notebook_fault, mend=True, requeue_after_s=LOOK_AGAIN_S
    )


def _refused(now: Observed) -> Finding | None:
    """The question was tried and cannot be studied; only another question is tried again."""
    sentence = ""
    if now.study.stage is seen.Stage.REFUSED and now.study.question == now.question:
        sentence = now.study.sentence
    elif now.same_question and now.before.phase == "Failed":
        known = {one.type: one for one in now.before.conditions}.get("BriefReady")
        sentence = known.message if known is not None and known.reason == "BadInput" else ""
    if not sentence:
        return None
    return Finding(phase="Failed", reason="BadInput", note=sentence, mend=True)


def _crashed(now: Observed) -> Finding | None:
    study = now.study
    if study.stage is not seen.Stage.CRASHED or study.question != now.question or study.retry_in_s <= 0.0:
        return None
    note = f"the study broke down and is tried again: {study.sentence}"
    return Finding(
        phase="Pending", reason="StudyBroke", note=note, mend=True, studies=True, requeue_after_s=study.retry_in_s
    )


def _running(now: Observed) -> Finding | None:
    study = now.study
    if study.stage is not seen.Stage.RUNNING or study.question != now.question:
        return None
    if not study.brief:
        return Finding(phase="Pending", reason="Preparing", note="the brief is being prepared", studies=True)
    note = f"study {study.brief.removeprefix('sha256:')[:12]} runs: at most {study.budget} experiments"
    message = f"experiment {study.done} of at most {study.budget}: {study.doing}"
    return Finding(phase="Studying", reason="StudyStarted", note=note, message=message, studies=True)


def _waiting(now: Observed) -> Finding | None:
    if now.study.stage is not seen.Stage.WAITING or now.study.question != now.question:
        return None
    return Finding(phase="Pending", reason="Queued", note=WAITS, studies=True)


def _begin(now: Observed) -> Finding:
    start = act.StartStudy(question=now.question)
    if now.study.stage is seen.Stage.RUNNING:
        note = "the spec changed: the study of the old question ended, one of the new question begins"
        return Finding(phase="Pending", reason="Superseded", note=note, studies=True, actions=(start,))
    return Finding(phase="Pending", reason="Queued", note=WAITS, studies=True, actions=(start,))


GATES: tuple[Callable[[Observed], Finding | None], ...] = (
    _unreadable,
    _conflict,
    _paused,
    _no_workload,
    _no_target,
    _no_question,
)
"""What stops everything; none of these needs the notebook."""

RULES: tuple[Callable[[Observed], Finding | None], ...] = (
    *GATES,
    _decided,
    _proposed,
    _answered,
    _nothing_found_before,
    _broken_notebook,
    _refused,
    _crashed,
    _running,
    _waiting,
    _begin,
)


def find(now: Observed) -> Finding:
    """What the first rule that speaks says; the last always speaks."""
    return next(finding for rule in RULES if (finding := rule(now)) is not None)


def needs_notebook(now: Observed) -> bool:
    """Whether deciding takes the notebook: not where a gate is shut, nor where the status has the answer."""
    if any(rule(now) is not None for rule in GATES) or now.spec is None:
        return False
    if now.same_question and now.spec.research.hints != now.before.hints:
        return True
    if _decided(now) is not None or _nothing_found_before(now) is not None or _refused(now) is not None:
        return False
    return revisions.candidate(now) is None or now.spec.rollout.approval == "Automatic"

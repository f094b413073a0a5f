"""From what was observed to a status, actions, and when to look again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.api import optimization_status as statuses
from glia_operator.api import words
from glia_operator.handlers.decision import act, conditions, phases, revisions, seen

if TYPE_CHECKING:
    import datetime as dt

LONGEST = 1000
BUSY = (seen.Stage.WAITING, seen.Stage.RUNNING)


def decide(now: seen.Observed, clock: dt.datetime) -> act.Decision:
    """The decision; carried out and observed again, it is the same and asks for nothing."""
    if now.deleting:
        stop = (act.StopStudy(),) if now.study.stage in BUSY else ()
        return act.Decision(status=None, actions=stop)
    finding = phases.find(now)
    moment = words.stamp(clock)
    told = _told(now, finding)
    status = statuses.OptimizationStatus(
        observed_generation=now.generation,
        phase=finding.phase,
        message=(finding.message or finding.note)[:LONGEST],
        conditions=conditions.all_of(now, finding, moment),
        study=_study(now, finding, moment),
        candidate=_candidate(now),
        active=_active(now),
        hints=_hints(now),
        last_event=_last_event(now, finding, moment),
    )
    actions = (
        *(finding.actions),
        *(() if finding.studies or now.study.stage not in BUSY else (act.StopStudy(),)),
        *_note_hints(now),
        *revisions.marks(now),
        *_discarded(now),
        *told,
    )
    return act.Decision(status=status, actions=actions, requeue_after_s=finding.requeue_after_s)


def orphans(now: seen.Observed) -> tuple[act.Action, ...]:
    """What to do about GliaPolicies whose GliaOptimization is not there: say whether they can be used."""
    return (*revisions.marks(now), *_told_of_policies(now))


def _told(now: seen.Observed, finding: phases.Finding) -> tuple[act.Emit, ...]:
    """Events for what is new: compared with the status, so that each is told once."""
    events = []
    last = now.before.last_event
    note = finding.note[:LONGEST]
    if last is None or (last.reason, last.message) != (finding.reason, note):
        events.append(act.Emit(warning=finding.mend, reason=finding.reason, message=note))
    study = now.before.study
    found = _finding_of(now)
    if found and (study is None or study.finding != found):
        events.append(act.Emit(warning=False, reason="ExperimentFinished", message=found))
    return (*events, *_told_of_policies(now))


def _told_of_policies(now: seen.Observed) -> tuple[act.Emit, ...]:
    events = []
    for mark in revisions.marks(now):
        reason = mark.phase if mark.valid else "Invalid"
        message = f"{mark.name} is {mark.phase.lower()}" if mark.valid else mark.message[:LONGEST]
        events.append(act.Emit(warning=not mark.valid, reason=reason, message=message, policy=mark.name))
    return tuple(events)


def _finding_of(now: seen.Observed) -> str:
    return now.notebook.finding[:LONGEST] if now.notebook is not None else ""


def _last_event(now: seen.Observed, finding: phases.Finding, moment: str) -> statuses.LastEvent:
    last, note = now.before.last_event, finding.note[:LONGEST]
    if last is not None and (last.reason, last.message) == (finding.reason, note):
        return last
    return statuses.LastEvent(reason=finding.reason, message=note, at=moment)


def _study(now: seen.Observed, finding: phases.Finding, moment: str) -> statuses.StudyStatus | None:
    """The study's state: what runs, else what the notebook holds, else what was known before."""
    speaks = finding.studies or now.notebook is not None or now.same_question or finding.reason == "BadInput"
    if not now.question or not speaks:
        return now.before.study
    before = now.before.study if now.same_question and now.before.study is not None else None
    status = before or statuses.StudyStatus(question_digest=now.question, started_at=None)
    changes: dict[str, object] = {"question_digest": now.question}
    if now.notebook is not None:
        changes |= {
            "brief_digest": now.notebook.brief,
            "notebook": now.notebook.names,
            "notebook_digest": now.notebook.last or None,
            "experiments_done": now.notebook.experiments,
        }
        if now.notebook.answer is not None:
            changes |= {"question": "", "simulations": now.notebook.answer.simulations}
    running = now.study.stage is seen.Stage.RUNNING and now.study.question == now.question and now.study.brief
    if running:
        changes |= {
            "brief_digest": now.study.brief,
            "started_at": status.started_at or moment,
            "experiments_budget": now.study.budget,
            "simulations": now.study.simulations,
            "question": now.study.doing[:LONGEST],
        }
    if _finding_of(now):
        changes["finding"] = _finding_of(now)
    return status.model_copy(update=changes)


def _candidate(now: seen.Observed) -> statuses.CandidateStatus | None:
    candidate = revisions.candidate(now)
    if candidate is None:
        return None
    ends = candidate.interval
    interval = statuses.Interval(low=ends[0], high=ends[1]) if ends is not None else None
    return statuses.CandidateStatus(
        policy=candidate.name, predicted_improvement=candidate.improvement, interval=interval
    )


def _active(now: seen.Observed) -> statuses.ActiveStatus | None:
    active = revisions.approved(now)
    return None if active is None else statuses.ActiveStatus(policy=active.name, improvement=active.improvement)


def _hints(now: seen.Observed) -> str:
    if now.notebook is not None:
        return now.notebook.hints
    return now.before.hints


def _note_hints(now: seen.Observed) -> tuple[act.NoteHints, ...]:
    """Hints that the notebook does not hold yet; a study that begins is told them as it begins."""
    if now.spec is None or now.notebook is None or now.notebook.hints == now.spec.research.hints:
        return ()
    told = now.study.stage is seen.Stage.RUNNING and now.study.hints == now.spec.research.hints
    return () if told or now.study.stage is seen.Stage.WAITING else (act.NoteHints(hints=now.spec.research.hints),)


def _discarded(now: seen.Observed) -> tuple[act.DiscardNotebook, ...]:
    """Notebooks of old questions that no policy rests on, once the new one has begun."""
    if now.notebook is None or not now.notebook.names:
        return ()
    vouching = {policy.brief for policy in now.policies}
    return tuple(act.DiscardNotebook(brief=brief) for brief in now.others if brief not in vouching)

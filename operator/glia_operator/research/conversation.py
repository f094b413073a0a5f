"""The conversation between Researcher and Supervisor: who speaks when, and what each turn does.

The Researcher proposes, looks at what happened, and states findings. The Supervisor answers every proposal and every
finding: approves, sends back, asks, demands controls and ablations, suggests, ends. Every turn stands in the notebook
before it is acted on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.research import ablation, analysis, desk, laboratory, sights, team
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document

if TYPE_CHECKING:
    from glia_operator.research import outcome as outcomes

MOST_UNUSABLE = 3
"""A study ends after so many unusable answers of the Researcher in a row."""
CONTROLS = ("expert", "hra-spf", "hra-spf-aged")
"""Known policies that a Supervisor's demand for a control runs, in this order."""
TIMELINE_POINTS = 200
MOST_TOLD = 200
"""Characters of a question that stand in the progress."""


def converse(research: desk.Research, *, supervised: bool) -> None:
    """Talk until somebody ends it, the budget is spent, or nothing usable comes any more.

    Without a Supervisor the Researcher's proposals run at once, and its rest ends the study.
    """
    unusable = 0
    while research.go_on() and research.turns_left > 1 and unusable < MOST_UNUSABLE:
        turn = research.hear("researcher")
        unusable = unusable + 1 if turn.act == "unusable" else 0
        listens = _researcher_said(research, turn)
        if listens and supervised:
            if _supervisor_ends(research):
                return
        elif listens and research.pending is not None:
            _run_pending(research)
        elif turn.act == "rest":
            return


def _researcher_said(research: desk.Research, turn: team.Turn) -> bool:
    """Act on the Researcher's turn; whether the Supervisor answers it."""
    if turn.act == "propose":
        policy = desk.admitted(research, turn)
        if isinstance(policy, str):
            research.note(f"refused: {policy}")
            return False
        research.pending = turn
    elif turn.act in {"inspect", "analyse"}:
        research.look(lambda: _seen(research, turn))
        return False
    elif turn.act == "unusable":
        research.note(f"no usable answer: {turn.text}")
        return False
    return True


def _seen(research: desk.Research, turn: team.Turn) -> str:
    """What an inspection or an analysis shows of an experiment's policy on the trace itself."""
    number = turn.numbers[0] if turn.numbers else 0
    policy = research.policy(number)
    if policy is None:
        return f"there is no experiment {number}; there are {len(research.study.experiments)}"
    brief = research.study.marker.brief
    step = max(brief.workload.duration_s / TIMELINE_POINTS, 0.05)
    run = runs.simulate(brief.fleet, brief.workload, programs.compile(policy), timeline_s=step)
    if turn.act == "analyse":
        return analysis.run(turn.text, analysis.columns(run))
    return sights.sight(turn.sight or "profile", run)


def _supervisor_ends(research: desk.Research) -> bool:
    """Hear the Supervisor and act on it; whether the study ends."""
    turn = research.hear("supervisor")
    if turn.act in {"ask", "demand", "suggest"}:
        research.study.tell(turn.text[:MOST_TOLD])
    if turn.act == "end":
        return True
    if turn.act == "send-back":
        research.pending = None
    elif turn.act == "demand":
        research.note(_demanded(research, turn))
    elif turn.act in {"approve", "unusable"} and research.pending is not None:
        # A Supervisor that gives no usable answer must not stop the Researcher.
        _run_pending(research)
    return False


def _run_pending(research: desk.Research) -> None:
    turn, research.pending = research.pending, None
    assert turn is not None  # noqa: S101 - the callers looked
    policy = desk.admitted(research, turn)
    assert isinstance(policy, document.Policy)  # noqa: S101 - it was admitted when it was proposed
    research.note(laboratory.experiment(research.study, desk.plan(turn, policy)).finding)


def _demanded(research: desk.Research, turn: team.Turn) -> str:
    if turn.title == "ablation":
        return _ablated(research, turn)
    name = next((one for one in CONTROLS if f"control: {one}" not in _titles(research)), None)
    if name is None:
        return f"every control has been run: {', '.join(CONTROLS)}"
    if not research.go_on():
        return "no experiment is left for a control"
    return f"control {name}: {control(research.study, name).finding}"


def _titles(research: desk.Research) -> set[str]:
    return {one.title for one in research.study.experiments}


def control(study: laboratory.Study, name: str) -> outcomes.Experiment:
    """One experiment with a known policy, tuned like any other."""
    plan = laboratory.Plan(
        title=f"control: {name}",
        hypothesis=f"Control: the known policy {name}, tuned on the same budget, is not better than the composition.",
        addresses="control",
        policy=study.brief.confined(document.load(name)),
    )
    return laboratory.experiment(study, plan)


def _ablated(research: desk.Research, turn: team.Turn) -> str:
    for number in turn.numbers:
        found = [one for one in research.study.experiments if one.number == number]
        if found:
            return ablation.sentence(ablation.ablate(research.study, found[0]))
    return f"there is no experiment {', '.join(map(str, turn.numbers)) or 'of that number'} to ablate"

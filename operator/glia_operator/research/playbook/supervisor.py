"""The Supervisor by rule: sees hypotheses, findings and budgets; asks why, demands controls, suggests, and ends."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from glia_operator.research import outcome, team

if TYPE_CHECKING:
    from collections.abc import Sequence

QUESTIONS = 2
CONTROLS, KEPT_FOR_COMPOSITIONS = 3, 4
"""Controls are run while more than so many experiments are left."""
COMPOSITIONS = 2
NEAR, MOST_NEAR = 0.15, 4
"""An experiment whose cost comes so close to the best is worth another try in company; so many of them at once."""


def turn(view: team.View) -> team.Turn:
    """Judge the pending proposal, or say where to go next."""
    surprise = _surprise(view)
    if surprise is not None:
        return surprise
    due = _compositions(view) < COMPOSITIONS and view.best is not None
    if view.pending is not None:
        if due and view.experiments_left <= 1 and view.pending.addresses != "composition":
            return _suggest(view, "One experiment is left: spend it on what was kept and what came near, together.")
        return _say("approve", _approval(view.pending))
    controls = sum(one.addresses == "control" for one in view.experiments)
    if "router" in view.tunes and controls < CONTROLS and view.experiments_left > KEPT_FOR_COMPOSITIONS:
        return _say("demand", "A known policy, tuned on the same budget, has to do worse than ours.", title="control")
    if due and not _refused_last_suggestion(view):
        return _suggest(view, "Misses that came near may pay in company: tune them together with what was kept.")
    return _say("end", _ending(view))


def _say(act: team.SupervisorAct, text: str, *, title: str = "", numbers: Sequence[int] = ()) -> team.Turn:
    return team.Turn(role="supervisor", act=act, text=text, title=title, numbers=tuple(numbers))


def _approval(pending: team.Turn) -> str:
    if pending.predicted is None:
        return f"Try it: {pending.title}."
    return f"Try it: {pending.title} is wrong if the objective does not improve by about {pending.predicted:+.0%}."


def _surprise(view: team.View) -> team.Turn | None:
    """A question about the latest experiment whose effect nobody foresaw, if it was not asked yet."""
    asked = [one for one in view.turns if one.role == "supervisor" and one.act == "ask"]
    about = {number for one in asked for number in one.numbers}
    line = next((one for one in reversed(view.experiments) if one.predicted is not None), None)
    if line is None or line.predicted is None or line.number in about or len(asked) >= QUESTIONS:
        return None
    if abs(line.observed - line.predicted) <= outcome.SURPRISE:
        return None
    text = (
        f"Experiment {line.number} ({line.title}) was expected to improve by {line.predicted:+.0%} and did by "
        f"{line.observed:+.0%}. Why? What holds it back?"
    )
    return _say("ask", text, numbers=(line.number,))


def _compositions(view: team.View) -> int:
    return sum(one.addresses == "composition" for one in view.experiments)


def _suggest(view: team.View, why: str) -> team.Turn:
    """The misses that improve most, if a rule was all they lacked: all of them at first, then fewer and fewer."""
    kept = [one for one in view.experiments if one.kept]
    cost = kept[-1].cost if kept else 0.0
    near = [
        one
        for one in view.experiments
        if not one.kept and one.addresses not in {"control", "composition"} and one.cost < cost + NEAR
    ]
    chosen = sorted(near, key=lambda one: -one.observed)[: max(MOST_NEAR - 2 * _compositions(view), 0)]
    return _say("suggest", why, title="compose", numbers=[one.number for one in chosen])


def _refused_last_suggestion(view: team.View) -> bool:
    """Whether the Researcher rested when it was asked to compose."""
    turns = view.turns
    return any(said.act == "suggest" and after.act == "rest" for said, after in itertools.pairwise(turns))


def _ending(view: team.View) -> str:
    if view.best is None:
        return "No hypothesis beat the baseline, and none is left: the baseline stays."
    return (
        f"Hypotheses, controls and compositions are tried; the best is {view.best.title} at {view.best.observed:+.1%}. "
        "To the exam."
    )

"""The conversation as it is shown: who says what, what it is about, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_operator.report import numbers
from glia_operator.research import team

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from glia_operator.report import story
    from glia_operator.research import outcome as outcomes

REFUSED = "refused: "
"""How the answer to a proposal begins that was not admitted."""
EXPECTED_TO_RUN = frozenset({"propose", "state", "rest"})
"""Acts of a Researcher that are answered only by an experiment, or by the reason why there is none."""

ACTS: dict[team.Act, str] = {
    "propose": "proposes an experiment",
    "inspect": "looks at a run",
    "analyse": "analyses requests",
    "state": "states a finding",
    "rest": "has nothing more to try",
    "unusable": "gives no usable answer",
    "approve": "approves",
    "send-back": "sends the proposal back",
    "ask": "asks",
    "demand": "demands a control",
    "suggest": "suggests",
    "end": "ends the study",
}
assert set(ACTS) == {*team.RESEARCHER_ACTS, *team.SUPERVISOR_ACTS}  # noqa: S101 - the table is total


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One turn as it is shown.

    Attributes:
        number: position in the conversation, from 1.
        does: the act in words.
        title: of a proposal.
        text: what is said in the open; empty for analysis code.
        code: a program that is folded away and what it is; only a Researcher's.
        notes: short facts beside the text.
        about: numbers of the experiments that the turn is about; 0 is the baseline.
        experiment: the one that ran because of this turn.
        answer: what came of the turn.
        refused: whether the answer says why no experiment came of it.
    """

    number: int
    role: team.Role
    does: str
    title: str
    text: str
    code: tuple[str, str] | None
    notes: tuple[str, ...]
    about: tuple[int, ...]
    experiment: outcomes.Experiment | None
    answer: str
    refused: bool


def conversation(told: story.Story) -> tuple[Said, ...]:
    """Every turn in order."""
    ran, nothing = ran_after(told.outcome), refused(told.outcome)
    return tuple(
        Said(
            number=place + 1,
            role=turn.role,
            does=_does(turn),
            title=turn.title if turn.act == "propose" else "",
            text="" if turn.act == "analyse" else turn.text,
            code=_code(turn),
            notes=tuple(_notes(turn)),
            about=turn.numbers,
            experiment=ran.get(place),
            answer=_answer(told.outcome, place),
            refused=place in nothing,
        )
        for place, turn in enumerate(told.outcome.turns)
    )


def ran_after(outcome: outcomes.Outcome) -> Mapping[int, outcomes.Experiment]:
    """The experiment that each turn led to, by the turn's position: its finding is the answer to that turn."""
    waiting = list(outcome.experiments)
    found: dict[int, outcomes.Experiment] = {}
    for place, answer in sorted(outcome.observations.items()):
        ran = next((one for one in waiting if one.finding and answer.endswith(one.finding)), None)
        if ran is not None:
            waiting.remove(ran)
            found[place] = ran
    return found


def refused(outcome: outcomes.Outcome) -> frozenset[int]:
    """Positions of the Researcher's turns that were answered by a reason instead of an experiment."""
    ran = ran_after(outcome)
    answered = [place for place in outcome.observations if place not in ran]
    return frozenset(place for place in answered if outcome.turns[place].act in EXPECTED_TO_RUN)


def _answer(outcome: outcomes.Outcome, place: int) -> str:
    """What came of the turn; a Researcher's unusable answer is only told once more."""
    turn = outcome.turns[place]
    return "" if turn.act == "unusable" and turn.role == "researcher" else outcome.observations.get(place, "")


def _does(turn: team.Turn) -> str:
    return "demands an ablation" if turn.act == "demand" and turn.title == "ablation" else ACTS[turn.act]


def _code(turn: team.Turn) -> tuple[str, str] | None:
    """What a Researcher wrote in a programming language; a Supervisor's turn shows none, whatever it carries."""
    if turn.role == "supervisor":
        return None
    if turn.act == "analyse":
        return "analysis code", turn.text
    return ("policy", turn.policy) if turn.policy else None


def _notes(turn: team.Turn) -> Iterator[str]:
    if turn.predicted is not None:
        yield f"expects {numbers.signed(turn.predicted)}"
    if turn.addresses:
        yield f"against: {turn.addresses}"
    if turn.wide:
        yield "large sweep"
    if turn.sight is not None:
        yield turn.sight

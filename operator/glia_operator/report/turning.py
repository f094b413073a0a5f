"""The turning points of a study, and what did not work, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_operator.report import numbers, talk
from glia_operator.research import laboratory
from glia_operator.research import outcome as outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glia_operator.report import story


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """An experiment that changed what was believed.

    Attributes:
        best: whether it became the best.
        surprise: whether its effect was far from the prediction.
        sentences: what happened, with numbers.
        prompted: number of the Supervisor's suggestion that it followed; 0 = none.
        quote: what the Researcher said when it was asked why, and that turn's number; empty and 0 where nobody asked.
    """

    number: int
    title: str
    best: bool
    surprise: bool
    sentences: tuple[str, ...]
    prompted: int
    quote: str
    quoted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """Something that did not work: what, why, and where it stands: an experiment's number or else a turn's."""

    what: str
    why: str
    experiment: int = 0
    turn: int = 0


def points(told: story.Story) -> tuple[Point, ...]:
    """Experiments that became the best, beat it as a control, or surprised, in order."""
    found = []
    before: outcomes.Experiment | None = None
    for one in told.outcome.experiments:
        sentences = (*_became_best(one, before), *_surprised(one), *_approved(told, one))
        if sentences:
            quoted = _explained(told, one) if is_surprise(one) else 0
            found.append(
                Point(
                    number=one.number,
                    title=one.title,
                    best=one.kept,
                    surprise=is_surprise(one),
                    sentences=sentences,
                    prompted=_prompted(told, one),
                    quote=told.outcome.turns[quoted - 1].text if quoted else "",
                    quoted=quoted,
                )
            )
        before = one if one.kept else before
    return tuple(found)


def is_surprise(one: outcomes.Experiment) -> bool:
    """Whether the effect was far from its prediction."""
    missed = outcomes.missed(one)
    return missed is not None and abs(missed) > outcomes.SURPRISE


def is_control(one: outcomes.Experiment) -> bool:
    """Whether it measures a known policy."""
    return one.addresses == "control"


def tag(one: outcomes.Experiment) -> str:
    """What became of it, in a word or two."""
    if is_control(one):
        return "control"
    return "kept" if one.kept else "not kept"


def _became_best(one: outcomes.Experiment, before: outcomes.Experiment | None) -> Iterator[str]:
    least = 0.0 if before is None else before.cost
    if is_control(one) and one.cost < least:
        yield f"A known policy did better than everything before: {_marks(one)}."
    if one.kept and before is None:
        yield f"It beat the baseline: {_marks(one)}."
    elif one.kept and before is not None:
        yield f"It became the best: {_marks(one)}; before it {_marks(before)}."


def _marks(one: outcomes.Experiment) -> str:
    observed = outcomes.observed(one)
    gain = "not measured" if observed is None else numbers.signed(observed)
    return f"{gain}, p99 x{one.p99_ratio:.3f}"


def _surprised(one: outcomes.Experiment) -> Iterator[str]:
    observed, missed = outcomes.observed(one), outcomes.missed(one)
    if observed is not None and missed is not None and one.predicted is not None and is_surprise(one):
        yield (
            f"A surprise: expected {numbers.signed(one.predicted)}, observed {numbers.signed(observed)}, "
            f"{numbers.points(missed)}."
        )


def _approved(told: story.Story, one: outcomes.Experiment) -> Iterator[str]:
    outcome = told.outcome
    if outcome.verdict.approved and one.number == examined(outcome):
        yield f"The exam approved its policy: {numbers.signed(outcome.improvement)} on held-out seeds."


def examined(outcome: outcomes.Outcome) -> int:
    """The experiment whose policy was approved, also where a part of it was left out; 0 where none was."""
    same = [one.number for one in outcome.experiments if one.policy.digest == outcome.best.digest]
    named = [one.number for one in outcome.experiments if one.policy.name == outcome.best.name]
    return next(iter((*same, *named)), 0)


def _prompted(told: story.Story, one: outcomes.Experiment) -> int:
    """The suggestion that the experiment's proposal answered."""
    turns = told.outcome.turns
    for place, ran in talk.ran_after(told.outcome).items():
        if ran == one:
            proposals = [at for at in range(place + 1) if turns[at].act == "propose"]
            at = proposals[-1] if proposals else 0
            return at if at and turns[at - 1].act == "suggest" else 0  # its number is its position + 1
    return 0


def _explained(told: story.Story, one: outcomes.Experiment) -> int:
    """The turn in which the Researcher answered the question about this experiment."""
    turns = told.outcome.turns
    asked = [place for place, turn in enumerate(turns) if turn.act == "ask" and one.number in turn.numbers]
    answers = [place for place, turn in enumerate(turns) if turn.act == "state" and asked and place > asked[0]]
    return answers[0] + 1 if answers else 0


def misses(told: story.Story) -> tuple[Miss, ...]:
    """Experiments that were not kept, then proposals and answers that came to nothing."""
    return (*_not_kept(told), *_came_to_nothing(told.outcome))


def _not_kept(told: story.Story) -> Iterator[Miss]:
    best = None
    for one in told.outcome.experiments:
        if one.kept:
            best = one
        elif not is_control(one):
            yield Miss(what=one.title, why=f"{_why(told, one, best)} {one.finding}", experiment=one.number)


def _why(told: story.Story, one: outcomes.Experiment, best: outcomes.Experiment | None) -> str:
    than = "the baseline" if best is None else f"experiment {best.number}"
    gain = (0.0 if best is None else best.cost) - one.cost
    if gain > 0:
        return f"Better than {than} by less than noise."
    observed, before = outcomes.observed(one), 0.0 if best is None else outcomes.observed(best)
    if observed is not None and before is not None and observed > before + laboratory.KEPT_BY:
        return f"A better {told.objective.name} than {than}'s, paid for in what the exam objects to."
    return f"No better than {than}."


def _came_to_nothing(outcome: outcomes.Outcome) -> Iterator[Miss]:
    proposed, refused = "", talk.refused(outcome)
    for place, turn in enumerate(outcome.turns):
        proposed = turn.title if turn.act == "propose" else proposed
        said = f"an answer of the {turn.role.capitalize()}"
        if place in refused:
            why = outcome.observations[place].removeprefix(talk.REFUSED)
            yield Miss(what=turn.title or said, why=f"Refused: {why}", turn=place + 1)
        elif turn.act == "send-back":
            yield Miss(what=proposed, why=f"Sent back: {turn.text}", turn=place + 1)
        elif turn.act == "unusable":
            yield Miss(what=said, why=f"Not usable: {turn.text}", turn=place + 1)

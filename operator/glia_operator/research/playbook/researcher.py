"""The Researcher by rule: one idea after another on top of the best design so far, and an answer to every question."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from glia_operator.research import design as designs
from glia_operator.research import ideas, recognition, team, tuning
from glia_sim.policy import document, interpret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

AGAIN = "the policy in use, tuned again"
"""Title of the first experiment where the policy in use is composed from parts."""
IN_USE = "the policy in use"
"""What it is aimed at."""
TUNED_AGAIN = 0.02
"""What it is expected to improve by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the next proposal builds on: a design, its tuned values, and what it improves by."""

    design: designs.Design = field(default_factory=designs.Design)
    values: Mapping[str, float] = field(default_factory=dict)
    observed: float = 0.0


def ground(view: team.View) -> Ground:
    """The composed design that was kept last, or else that of the policy in use."""
    kept = [one for one in view.experiments if one.kept and one.parts]
    if not kept:
        return _in_use(view)
    policy = document.loads(kept[-1].policy, place=f"experiment {kept[-1].number}")
    return Ground(
        design=designs.read(kept[-1].parts),
        values=interpret.values(policy),
        observed=kept[-1].observed,
    )


def _in_use(view: team.View) -> Ground:
    """The policy in use where it is composed from parts and has values to tune; else the empty design."""
    policy = document.loads(view.baseline, place="the policy in use")
    begun, found = designs.begun(view.traits), recognition.recognised(policy, view.tunes)
    if found is None or not designs.knobs(found):
        return Ground(design=begun)
    return Ground(design=replace(found, coming=begun.coming), values=interpret.values(policy))


def turn(view: team.View) -> team.Turn:
    """Answer what the Supervisor said last, or propose the next idea."""
    last = next((one for one in reversed(view.turns) if one.role == "supervisor"), None)
    if last is not None and last.act == "ask" and not _answered(view, last):
        return _answer(view, last)
    if last is not None and last.act == "suggest" and not _followed(view, last):
        return _composition(view, last)
    if view.pending is not None:
        return view.pending
    return _next_idea(view)


def _next_idea(view: team.View) -> team.Turn:
    """The policy in use tuned again, then the first idea of the agenda that was not tried and changes something."""
    base = ground(view)
    tried = {one.title for one in view.turns if one.act == "propose"}
    if base.values and not tried:
        return _proposal(
            base.design,
            base,
            title=AGAIN,
            hypothesis="The parameters of the policy in use were tuned for another load or another fleet: tuned for "
            "this one, all together, they cost less.",
            addresses=IN_USE,
            predicted=TUNED_AGAIN,
            wide=True,
        )
    agenda = ideas.ranked(view)
    standing = _standing(agenda, base.design)
    settled = {one.title for one in view.experiments if one.kept} | standing
    for idea in agenda:
        if idea.title not in tried | standing and idea.unless not in settled:
            return _proposal(
                idea.change(base.design),
                base,
                title=idea.title,
                hypothesis=idea.hypothesis,
                addresses=idea.addresses,
                predicted=1.0 - (1.0 - base.observed) * (1.0 - _hope(view, idea)),
            )
    return team.Turn(
        role="researcher", act="rest", text="Every idea against a bottleneck of this profile has been tried."
    )


def _standing(agenda: Iterable[ideas.Idea], design: designs.Design) -> set[str]:
    """Titles of the ideas that a design has already: they would change nothing."""
    texts = designs.texts(design)
    return {idea.title for idea in agenda if designs.texts(idea.change(design)) == texts}


def _hope(view: team.View, idea: ideas.Idea) -> float:
    """What the idea should gain on top: its share of the bottleneck, less where such ideas promised too much before."""
    seen = [one for one in view.experiments if one.addresses == idea.addresses and one.predicted]
    kept_promises = [min(max(one.observed / one.predicted, 0.0), 1.0) for one in seen if one.predicted]
    trust = sum(kept_promises) / len(kept_promises) if kept_promises else 1.0
    return idea.hope * ideas.strengths(view).get(idea.addresses, 0.0) * trust


def _proposal(
    design: designs.Design,
    base: Ground,
    *,
    title: str,
    hypothesis: str,
    addresses: str,
    predicted: float,
    wide: bool = False,
) -> team.Turn:
    name = "".join(letter if letter.isalnum() else "-" for letter in title.lower()).strip("-")[:63].strip("-")
    policy = designs.compose(design, tuning.merged(design, base.values), name=name)
    return team.Turn(
        role="researcher",
        act="propose",
        text=hypothesis,
        title=title,
        addresses=addresses,
        predicted=round(predicted, 4),
        policy=document.dumps(policy),
        parts=designs.written(design),
        wide=wide,
    )


def _composition(view: team.View, said: team.Turn) -> team.Turn:
    """What was kept together with the misses that the Supervisor names, all parameters tuned together."""
    base = ground(view)
    by_title = {idea.title: idea for idea in ideas.ranked(view)}
    titles = {one.number: one.title for one in view.experiments}
    named = [by_title[titles[n]] for n in said.numbers if n in titles and titles[n] in by_title]
    together = base.design
    found: list[str] = []
    for idea in named:
        candidate = idea.change(together)
        # The order of held requests was settled among rivals; a miss may not bring another back.
        if candidate.order == base.design.order and candidate != together and not _undone(together, candidate):
            together, found = candidate, [*found, idea.title]
    tuned = [one for one in view.experiments if one.addresses == "composition"]
    if any(one.parts == designs.written(together) and not one.kept for one in tuned):
        return team.Turn(role="researcher", act="rest", text="This composition has been tuned already.")
    company = f"Together with what was kept, {' and '.join(found)} may pay. " if found else ""
    return _proposal(
        together,
        base,
        title=f"composition {len(tuned) + 1}: {' and '.join(found) or 'what was kept'}, tuned together",
        hypothesis=f"{designs.rationale(together)} {company}Parameters that were tuned one idea at a time are not "
        "best together: a joint sweep lowers the cost.",
        addresses="composition",
        predicted=base.observed + 0.01,
        wide=True,
    )


def _undone(design: designs.Design, candidate: designs.Design) -> bool:
    """Whether a candidate takes back what was chosen for a place of the design: of rivals the first stays."""
    for part in fields(design):
        now, after = getattr(design, part.name), getattr(candidate, part.name)
        if part.default != now != after and not isinstance(now, tuple):
            return True
    return False


def _answered(view: team.View, asked: team.Turn) -> bool:
    """Whether a finding was stated, or no more can be said, since the question."""
    since = view.turns[_place(view, asked) + 1 :]
    return any(one.act == "state" for one in since if one.role == "researcher")


def _followed(view: team.View, said: team.Turn) -> bool:
    since = view.turns[_place(view, said) + 1 :]
    return any(one.role == "researcher" and one.act in {"propose", "rest"} for one in since)


def _place(view: team.View, said: team.Turn) -> int:
    return max(place for place, one in enumerate(view.turns) if one is said)


def _answer(view: team.View, asked: team.Turn) -> team.Turn:
    """Look at the run in question, then state what it shows."""
    number = asked.numbers[0] if asked.numbers else 0
    since = range(_place(view, asked) + 1, len(view.turns))
    seen = [view.observations[place] for place in since if place in view.observations]
    if not seen:
        return team.Turn(
            role="researcher",
            act="inspect",
            text=f"What holds experiment {number} back?",
            numbers=(number,),
            sight="profile",
        )
    line = next((one for one in view.experiments if one.number == number), None)
    against = (
        ""
        if line is None
        else f"It was expected to improve by {line.predicted or 0.0:+.1%} and did by {line.observed:+.1%}. "
    )
    return team.Turn(
        role="researcher", act="state", text=f"{against}What is left: {_strongest(seen[-1])}", numbers=(number,)
    )


def _strongest(profile: str) -> str:
    """The sentence of the strongest bottleneck: a profile has it behind its first line."""
    lines = profile.split("\n")
    return lines[1] if len(lines) > 1 else lines[0]

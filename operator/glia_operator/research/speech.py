"""From what a role sees to the words that a model is asked with.

What comes from outside, hints and names of workloads, and what models wrote before stands between `<data>` marks that
no such text can close.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Literal

from glia_operator.research import acts, language, team

Form = Literal["tools", "schema", "text"]
"""How a model is told to answer: by a tool call, by a JSON schema that the endpoint enforces, by JSON on request."""

SHOWN_POLICIES = 3
"""Programs that the Researcher is shown: the best, and the newest; any other can be built on by its number.

Programs of controls are not shown, and not built on: they are known answers, there to compare with."""
WHOLE_OBSERVATIONS = 3
OLDER_OBSERVATION = 400
LONGEST_QUOTE = 600
LONGEST_LINE, SHORTEST_LINE = 600, 80
"""Characters of a hypothesis and of a finding in the list of experiments."""
SHORTEST_ROOM = 4_000
_MARK = re.compile(r"<(?=\s*/?\s*data\b)", re.IGNORECASE)
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_PROGRAM = re.compile(r"^([ \t]*)def +\w+ *\(.*(?:\n(?:\1[ \t]+.*|[ \t]*)$)*", re.MULTILINE)
_ROLES = {"researcher": "Researcher", "supervisor": "Supervisor"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a model is asked with: the role's standing instructions, and the state of the study."""

    system: str
    user: str


def clean(text: str) -> str:
    """Text of a model or user without control characters; tabs become spaces."""
    plain = text.replace("\r\n", "\n").replace("\t", "    ")
    return "".join(letter for letter in plain if letter == "\n" or letter.isprintable())


def fenced(name: str, text: str) -> str:
    """Text as data: whatever it says, it cannot end its own fence."""
    return f'<data name="{name}">\n{_MARK.sub("(", clean(text))}\n</data>'


def words(view: team.View, role: team.Role, form: Form, *, room: int) -> Words:
    """What to ask with.

    Args:
        view: what the role knows; programs are taken out for the Supervisor.
        role: who is asked.
        form: how the model is told to answer.
        room: characters that the state of the study may take; older turns are left out first.
    """
    seen = _without_programs(team.supervisors(view)) if role == "supervisor" else view
    return Words(system=_system(seen, role, form), user=_user(seen, role, form, room))


def again(asked: Words, answer: str, why: str) -> Words:
    """The same question once more, after an answer that could not be used."""
    quote = clean(answer)
    cut = quote[:LONGEST_QUOTE] + (" (cut)" if len(quote) > LONGEST_QUOTE else "")
    mistake = (
        f"# Your last answer could not be used\n\n{fenced('answer', cut or '(empty)')}\n"
        f"{fenced('mistake', why)}\nTake one act again, without this mistake."
    )
    return replace(asked, user=f"{asked.user}\n\n{mistake}")


def _system(view: team.View, role: team.Role, form: Form) -> str:
    every = tuple(acts.OF[role])
    told = "Each act is one of the tools that you are given." if form == "tools" else acts.listed(role, every)
    return language.page(role, {"language": language.described(acts.changeable(view)), "acts": told})


def _user(view: team.View, role: team.Role, form: Form, room: int) -> str:
    before = [*_question(view, role), *_experiments(view, role, room)]
    after = _now(view, role, form)
    left = max(room, SHORTEST_ROOM) - sum(len(part) + 2 for part in (*before, *after))
    return "\n\n".join([*before, *_conversation(view, left), *after])


def _question(view: team.View, role: team.Role) -> list[str]:
    parts = ["# The study", fenced("task", "\n".join(view.task))]
    parts.append(f"Objective: {view.objective}. Programs that may change: {', '.join(sorted(acts.changeable(view)))}.")
    if view.traits:
        parts[-1] += f" Fleet and workload have: {', '.join(sorted(view.traits))}."
    if view.hints:
        parts += ["What the user knows:", fenced("hints", view.hints)]
    found = "\n".join(f"- {one.name}, strength {one.strength:.2f}: {one.sentence}" for one in view.bottlenecks)
    parts += ["Bottlenecks of the baseline, strongest first:", fenced("profile", found or "none found")]
    if role == "researcher" and view.baseline:
        parts += ["The baseline, experiment 0:", fenced("policy", view.baseline)]
    return parts


def _experiments(view: team.View, role: team.Role, room: int) -> list[str]:
    if not view.experiments:
        return ["# Experiments", "None yet."]
    most = min(LONGEST_LINE, max(SHORTEST_LINE, room // (4 * len(view.experiments))))
    parts = ["# Experiments", fenced("experiments", "\n".join(_line(one, most) for one in view.experiments))]
    if role == "researcher":
        parts += [part for one in _shown(view, room // 3) for part in _policy(one)]
    return parts


def _line(one: team.Line, most: int) -> str:
    predicted = "nothing" if one.predicted is None else f"{one.predicted:+.1%}"
    return (
        f"{one.number}. {one.title} (on {one.addresses}): predicted {predicted}, observed {one.observed:+.1%} "
        f"({one.low:+.1%} to {one.high:+.1%}), p99 x{one.p99_ratio:.3f}, cost {one.cost:+.3f}, "
        f"{'best so far then' if one.kept else 'not kept'}. {_short(one.hypothesis, most)} "
        f"Found: {_short(one.finding, most)}"
    )


def _shown(view: team.View, room: int) -> list[team.Line]:
    """Experiments whose programs are shown: the best of the team's own, then the newest, as far as there is room."""
    own = [one for one in view.experiments if one.addresses != "control"]
    wanted = [*sorted(own, key=lambda one: one.cost)[:1], *own[:-SHOWN_POLICIES:-1]]
    chosen: dict[int, team.Line] = {}
    for one in wanted:
        if sum(len(other.policy) for other in chosen.values()) + len(one.policy) <= room:
            chosen[one.number] = one
    return [chosen[number] for number in sorted(chosen)]


def _policy(one: team.Line) -> list[str]:
    return [f"The tuned policy of experiment {one.number}:", fenced("policy", one.policy)] if one.policy else []


def _conversation(view: team.View, room: int) -> list[str]:
    """The newest turns that fit into the room, in order."""
    observed = sorted(view.observations)[-WHOLE_OBSERVATIONS:]
    kept: list[str] = []
    for place in range(len(view.turns) - 1, -1, -1):
        entry = _entry(view, place, whole=place in observed)
        if len(entry) + 2 > room:
            break
        room -= len(entry) + 2
        kept.append(entry)
    if not view.turns:
        return []
    gone = len(view.turns) - len(kept)
    return ["# Conversation", *([f"({gone} earlier turns are left out.)"] if gone else []), *reversed(kept)]


def _entry(view: team.View, place: int, *, whole: bool) -> str:
    turn = view.turns[place]
    about = f", experiments {', '.join(map(str, turn.numbers))}" if turn.numbers else ""
    sight = f", {turn.sight}" if turn.sight else ""
    expected = "" if turn.predicted is None else f", predicts {turn.predicted:+.1%}"
    title = f"{turn.title}: " if turn.title else ""
    lines = [
        f"Turn {place + 1}, {_ROLES[turn.role]}, {turn.act}{sight}{about}{expected}:",
        fenced("turn", f"{title}{turn.text}"),
    ]
    answer = view.observations.get(place)
    if answer is not None:
        lines += ["Answer:", fenced("answer", answer if whole else _short(answer, OLDER_OBSERVATION))]
    return "\n".join(lines)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} (cut)"


def _now(view: team.View, role: team.Role, form: Form) -> list[str]:
    parts = ["# Now"]
    if view.pending is not None:
        pending = view.pending
        expected = "no figure" if pending.predicted is None else f"{pending.predicted:+.1%}"
        said = f"{pending.title} (on {pending.addresses}), predicts {expected}: {pending.text}"
        parts += ["This proposal waits for the Supervisor:", fenced("proposal", said)]
    open_now = acts.open_to(role, view)
    parts.append(
        f"Experiments left: {view.experiments_left}. Turns left: {view.turns_left}. "
        f"You are the {_ROLES[role]}; take one act: {', '.join(open_now)}."
    )
    if form == "schema":
        parts.append(
            "Answer with one JSON object and nothing else: its key turn holds act and the arguments of that act."
        )
    if form == "text":
        shape = json.dumps(acts.schema(role, open_now), ensure_ascii=False)
        parts.append(f"Answer with one JSON object and nothing else, that fits this JSON schema: {shape}")
    return parts


def _without_programs(view: team.View) -> team.View:
    """The Supervisor's view with programs taken out of the sentences too, should a Researcher have put any there."""
    return replace(
        view,
        experiments=tuple(
            replace(one, hypothesis=prose(one.hypothesis), finding=prose(one.finding)) for one in view.experiments
        ),
        turns=tuple(replace(turn, text=prose(turn.text)) for turn in view.turns),
        pending=None if view.pending is None else replace(view.pending, text=prose(view.pending.text)),
    )


def prose(text: str) -> str:
    """Text without blocks of code and function definitions."""
    return _PROGRAM.sub("(program)", _CODE.sub("(program)", text))

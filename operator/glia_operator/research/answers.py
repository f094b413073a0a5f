"""From what a model answered to a turn; whatever it said, the outcome is a `Turn` or one `Mistake`.

Everything here is pure and cheap to refuse: texts are cut before they are read, and nothing a model wrote is run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pydantic

from glia_operator.api import section
from glia_operator.research import acts, proposals, speech, team

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST_ANSWER = 200_000
"""Characters of an answer that are read at all."""
MOST_OBJECTS = 100
"""Places in a text where a JSON object is looked for."""
_THOUGHT = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_WRAPPERS = ("turn", "tool_call", "function", "function_call")

Mistake = proposals.Mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One message of a model.

    Attributes:
        call: name of the tool that it called first, "" for none.
        text: that call's arguments, or what it wrote.
        cut: whether it stopped at the limit of its length.
        spent: tokens that it read and wrote; None where the endpoint does not say.
    """

    call: str
    text: str
    cut: bool = False
    spent: tuple[int, int] | None = None


def message(body: object) -> Answer:
    """The message in a chat completion's body, with whatever is missing or of another kind left out."""
    choice = _first(_get(body, "choices"))
    said = _get(choice, "message")
    function = _get(_first(_get(said, "tool_calls")), "function") or _get(said, "function_call")
    name, arguments = _get(function, "name"), _get(function, "arguments")
    if isinstance(arguments, dict):
        arguments = json.dumps(arguments)
    called = isinstance(name, str) and bool(name)
    text = arguments if called else _content(_get(said, "content"))
    return Answer(
        call=str(name) if called else "",
        text=text if isinstance(text, str) else "",
        cut=_get(choice, "finish_reason") == "length",
        spent=_usage(_get(body, "usage")),
    )


def read(answer: Answer, role: team.Role, view: team.View) -> team.Turn:
    """The turn that an answer means.

    Args:
        answer: of the model.
        role: who was asked.
        view: what the role was shown, with programs for the Researcher.

    Raises:
        Mistake: it cannot be used, and why, in a sentence for the model.
    """
    if len(answer.text) > LONGEST_ANSWER:
        raise Mistake(f"the answer has {len(answer.text)} characters; at most {LONGEST_ANSWER} are read")
    act, content = _act(answer)
    known = acts.open_to(role, view)
    if act not in known:
        named = ", ".join(known)
        raise Mistake(f"{act[:40]!r} is not an act that the {role} can take now; take one of {named}")
    said = _validated(acts.OF[role][act], content, act)
    turn = TURNS[type(said)](said, view)
    _not_repeated(turn, view)
    return turn


def _act(answer: Answer) -> tuple[Any, dict[str, Any]]:
    """Name of the act, and its arguments."""
    if answer.call:
        content = _loaded(answer.text.strip() or "{}")
        if isinstance(content, dict):
            return answer.call, content
        raise Mistake(_broken(answer, f"the arguments of {answer.call[:40]!r} are not a JSON object"))
    text = _THOUGHT.sub("", answer.text)
    if not text.strip():
        raise Mistake(_broken(answer, "the answer is empty"))
    for found in _objects(text):
        named = _named(found)
        if named is not None:
            return named
    raise Mistake(_broken(answer, "the answer is neither a tool call nor a JSON object with an act"))


def _named(found: Any) -> tuple[str, dict[str, Any]] | None:  # noqa: ANN401 - any JSON
    """Act and arguments of an object in one of the shapes that models write: flat, wrapped, or a call in words."""
    for wrapper in _WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict):
        return None
    if isinstance(found.get("act"), str):
        return found["act"], found
    for key in ("arguments", "parameters"):
        inner = found.get(key)
        inner = _loaded(inner) if isinstance(inner, str) else inner
        if isinstance(found.get("name"), str) and isinstance(inner, dict):
            return found["name"], inner
    return None


def _objects(text: str) -> Iterator[object]:
    """JSON objects in a text, from the left; what stands inside one that was read is not looked at again."""
    decoder = json.JSONDecoder(strict=False)
    at = text.find("{")
    for _ in range(MOST_OBJECTS):
        if at < 0:
            return
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield found
        at = text.find("{", end)


def _loaded(text: str) -> object:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return next(_objects(text), None)


def _broken(answer: Answer, what: str) -> str:
    return f"{what}; it broke off at the limit of its length, so be shorter" if answer.cut else what


def _validated(kind: type[acts.Said], content: dict[str, Any], act: str) -> acts.Said:
    try:
        return kind.model_validate(content)
    except (pydantic.ValidationError, RecursionError) as error:
        why = section.sentence(error) if isinstance(error, pydantic.ValidationError) else "nested too deeply"
        raise Mistake(f"{act}: {speech.clean(why)}") from None


def _proposed(said: acts.Propose, view: team.View) -> team.Turn:
    return team.Turn(
        role="researcher",
        act="propose",
        text=_words(said.hypothesis),
        title=_line(said.title),
        addresses=proposals.addressed(said.addresses, view),
        predicted=said.predicted,
        policy=proposals.policy(said, view),
        wide=said.wide,
        numbers=_numbers((said.base,), view),
    )


def _analysed(said: acts.Analyse, view: team.View) -> team.Turn:
    code = proposals.unfenced(speech.clean(said.code))
    if len(code) > team.LONGEST_TEXT:
        raise Mistake(f"the code has {len(code)} characters; at most {team.LONGEST_TEXT} are run")
    return team.Turn(role="researcher", act="analyse", text=code, numbers=_numbers((said.experiment,), view))


def _inspected(said: acts.Inspect, view: team.View) -> team.Turn:
    numbers = _numbers((said.experiment,), view)
    return team.Turn(role="researcher", act="inspect", text=said.sight, numbers=numbers, sight=said.sight)


def _demanded(said: acts.Demand, view: team.View) -> team.Turn:
    numbers = _numbers(said.experiments, view)
    if said.kind == "ablation" and not set(numbers) - {0}:
        raise Mistake("an ablation needs the number of the experiment whose policy it takes apart")
    return team.Turn(role="supervisor", act="demand", text=_words(said.reason), title=said.kind, numbers=numbers)


def _spoken(role: team.Role, act: team.Act, field: str) -> Callable[[Any, team.View], team.Turn]:
    """For acts that are one text, and perhaps the experiments that it is about."""

    def turn(said: acts.Said, view: team.View) -> team.Turn:
        numbers = _numbers(getattr(said, "experiments", ()), view)
        return team.Turn(role=role, act=act, text=_words(getattr(said, field)), numbers=numbers)

    return turn


TURNS: dict[type[acts.Said], Callable[[Any, team.View], team.Turn]] = {
    acts.Propose: _proposed,
    acts.Inspect: _inspected,
    acts.Analyse: _analysed,
    acts.State: _spoken("researcher", "state", "finding"),
    acts.Rest: _spoken("researcher", "rest", "reason"),
    acts.Approve: _spoken("supervisor", "approve", "reason"),
    acts.SendBack: _spoken("supervisor", "send-back", "reason"),
    acts.Ask: _spoken("supervisor", "ask", "question"),
    acts.Demand: _demanded,
    acts.Suggest: _spoken("supervisor", "suggest", "suggestion"),
    acts.End: _spoken("supervisor", "end", "reason"),
}
assert set(TURNS) == {kind for kinds in acts.OF.values() for kind in kinds.values()}  # noqa: S101 - proven total here


def _words(text: str) -> str:
    plain = speech.clean(text).strip()
    if not plain:
        raise Mistake("the text is empty; say it in words")
    return plain[: team.LONGEST_TEXT]


def _line(text: str) -> str:
    return " ".join(_words(text).split())[: proposals.LONGEST_TITLE]


def _numbers(numbers: tuple[int, ...], view: team.View) -> tuple[int, ...]:
    known = {0, *(one.number for one in view.experiments)}
    for number in numbers:
        if number not in known:
            last = max(known)
            right = (
                f"the experiments are 1 to {last}, and 0 is the baseline" if last else "there is only 0, the baseline"
            )
            raise Mistake(f"there is no experiment {number}; {right}")
    return tuple(dict.fromkeys(numbers))


def _not_repeated(turn: team.Turn, view: team.View) -> None:
    """What was said in the same words before needs no second answer; verdicts, proposals and endings may repeat."""
    if turn.act in {"approve", "send-back", "propose", "rest", "end"}:
        return
    for place, old in enumerate(view.turns):
        if (old.role, old.act, old.text, old.sight, old.numbers) == (
            turn.role,
            turn.act,
            turn.text,
            turn.sight,
            turn.numbers,
        ):
            raise Mistake(f"this repeats turn {place + 1} word for word, and its answer stands there; go on from it")


def _get(part: object, key: str) -> Any:  # noqa: ANN401 - any JSON
    return part.get(key) if isinstance(part, dict) else None


def _first(part: object) -> object:
    return part[0] if isinstance(part, list) and part else None


def _content(content: object) -> object:
    """A message's content: a text, or a list of parts with texts."""
    if not isinstance(content, list):
        return content
    texts = [_get(part, "text") for part in content]
    return "".join(text for text in texts if isinstance(text, str))


def _usage(usage: object) -> tuple[int, int] | None:
    counts = [_get(usage, "prompt_tokens"), _get(usage, "completion_tokens")]
    if not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts):
        return None
    return counts[0], counts[1]

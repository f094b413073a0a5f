"""How an endpoint wants to be asked: starts with tools, and gives way where the endpoint refuses.

Servers that speak the chat-completions API differ in what they accept. A refusal is answered by asking in another
manner, at most once for each of these differences, so that no setting has to name the server.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from glia_operator.adapters import budget
from glia_operator.research import acts, speech

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_operator.research import team

FORMS: tuple[speech.Form, ...] = ("tools", "schema", "text")
MOST_ROOM = 60_000
LEAST_ROOM = speech.SHORTEST_ROOM
SHORTEST_ANSWER_TOKENS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """One way to ask.

    Attributes:
        form: how the model is to answer.
        room: characters that the state of the study may take.
        answer_tokens: most tokens of an answer.
        limit: what the endpoint calls that limit.
        system: whether the endpoint takes a system message.
    """

    form: speech.Form = "tools"
    room: int = MOST_ROOM
    answer_tokens: int = budget.ANSWER_TOKENS
    limit: str = "max_tokens"
    system: bool = True

    def simpler(self) -> Manner | None:
        """The next form that asks less of the endpoint, or None."""
        place = FORMS.index(self.form) + 1
        return replace(self, form=FORMS[place]) if place < len(FORMS) else None


def cured(manner: Manner, message: str) -> Manner | None:
    """How to ask after a refusal whose words name what the endpoint does not take; None where they name nothing.

    Args:
        manner: how it was asked.
        message: the endpoint's own words.
    """
    said = message.casefold()
    for words, change in CURES:
        changed = change(manner)
        if changed != manner and any(all(word in said for word in group) for group in words):
            return changed
    return None


def _shorter(manner: Manner) -> Manner:
    return replace(
        manner,
        room=max(LEAST_ROOM, manner.room // 2),
        answer_tokens=max(SHORTEST_ANSWER_TOKENS, manner.answer_tokens // 2),
    )


CURES: tuple[tuple[tuple[tuple[str, ...], ...], Callable[[Manner], Manner]], ...] = (
    (
        (("context", "length"), ("context", "size"), ("context", "window"), ("too long",), ("too many tokens",)),
        _shorter,
    ),
    (
        (("tokens", "too large"), ("completion tokens", "at most"), ("output tokens",)),
        lambda manner: replace(manner, answer_tokens=max(SHORTEST_ANSWER_TOKENS, manner.answer_tokens // 2)),
    ),
    ((("max_completion_tokens",),), lambda manner: replace(manner, limit="max_completion_tokens")),
    (
        (("system", "role"), ("system", "message"), ("system", "prompt")),
        lambda manner: replace(manner, system=False),
    ),
)
"""Words of refusals, any group of which has to be there as a whole, and what they ask for."""


def body(manner: Manner, asked: speech.Words, role: team.Role, open_now: tuple[team.Act, ...]) -> dict[str, Any]:
    """A chat completion's request, without the model's name."""
    found: dict[str, Any] = {"messages": _messages(manner, asked), manner.limit: manner.answer_tokens}
    if manner.form == "tools":
        found |= {"tools": acts.tools(role, open_now), "tool_choice": "auto"}
    if manner.form == "schema":
        shape = {"name": "turn", "schema": acts.schema(role, open_now)}
        found["response_format"] = {"type": "json_schema", "json_schema": shape}
    return found


def greeting(manner: Manner) -> dict[str, Any]:
    """The cheapest request that shows whether address, key and model's name are right."""
    return {"messages": [{"role": "user", "content": "Answer with the word ready."}], manner.limit: 16}


def _messages(manner: Manner, asked: speech.Words) -> list[dict[str, str]]:
    if manner.system:
        return [{"role": "system", "content": asked.system}, {"role": "user", "content": asked.user}]
    return [{"role": "user", "content": f"{asked.system}\n\n{asked.user}"}]

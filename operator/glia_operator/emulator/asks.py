"""From the JSON of an OpenAI-compatible request to an `Ask`, or a refusal in vLLM's shape."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from glia_operator.emulator import tokens

MAX_PRIORITY = 2**31
COMPLETION_TOKENS = 16
"""vLLM's `max_tokens` for a completion that names none."""

Kind = Literal["completion", "chat"]


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """A request that is answered with an error.

    Args:
        message: for people.
        status: HTTP status.
        kind: OpenAI's error type.
        param: the field at fault.
    """

    def __init__(
        self, message: str, *, status: int = 400, kind: str = "BadRequestError", param: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.param = param


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A checked request.

    Attributes:
        output_tokens: how many come; hidden from the client until they are there.
        stops: whether the answer ends by itself rather than by `max_tokens`.
    """

    kind: Kind
    request_id: str
    prompt: tokens.Prompt
    reply: tokens.Answer
    output_tokens: int
    max_tokens: int
    stops: bool
    priority: int
    stream: bool
    include_usage: bool
    continuous_usage: bool
    echo: bool


def body(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        Refusal: it is none.
    """
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"the body is not JSON: {error}", kind="Bad Request") from None
    if not isinstance(found, dict):
        raise Refusal("the body must be a JSON object", kind="Bad Request")
    return found


def model(fields: dict[str, Any], served: str) -> None:
    """Refuse a model that is not served; none named means the one that is."""
    asked = fields.get("model")
    if asked is not None and asked != served:
        raise Refusal(
            f"The model `{asked}` does not exist; this server serves `{served}`.",
            status=404,
            kind="NotFoundError",
            param="model",
        )


def prompt(fields: dict[str, Any], kind: Kind) -> tokens.Prompt:
    """The prompt's tokens."""
    return _chat(fields.get("messages")) if kind == "chat" else _completion(fields.get("prompt"))


def _completion(given: object) -> tokens.Prompt:
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], (str, list)):
        given = given[0]
    if isinstance(given, str) and given:
        return tokens.split(given)
    if isinstance(given, list) and given and _are_ids(given):
        return tuple(given)
    if isinstance(given, list) and len(given) > 1 and not any(type(token) is int for token in given):
        raise Refusal("several prompts in one request are not supported; send one", param="prompt")
    raise Refusal("prompt must be a text or a list of token ids, and not empty", param="prompt")


def _are_ids(given: list[Any]) -> bool:
    return set(map(type, given)) == {int} and min(given) >= 0 and max(given) < 2**31


def _chat(messages: object) -> tokens.Prompt:
    if not isinstance(messages, list) or not messages:
        raise Refusal("messages must be a list with one message or more", param="messages")
    text = "".join(_message(message, position) for position, message in enumerate(messages))
    return tokens.split(text + "<|assistant|>\n")


def _message(message: object, position: int) -> str:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise Refusal(f"messages[{position}] must be an object with a role and a content", param="messages")
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text", "") if isinstance(part, dict) else "" for part in content]
        content = "".join(part for part in parts if isinstance(part, str))
    if content is None:
        content = ""
    if not isinstance(content, str):
        raise Refusal(f"messages[{position}].content must be a text or a list of parts", param="messages")
    return f"<|{message['role']}|>\n{content}\n"


def integer(fields: dict[str, Any], name: str, *, lowest: int, highest: int = 2**31 - 1) -> int | None:
    """An integer field, None where it is absent or null."""
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is not int or not lowest <= value <= highest:
        raise Refusal(f"{name} must be an integer from {lowest} to {highest}, got {value!r:.60}", param=name)
    return value


def boolean(fields: dict[str, Any], name: str) -> bool:
    """A field that is true or false; absent means false."""
    value = fields.get(name)
    if value is not None and type(value) is not bool:
        raise Refusal(f"{name} must be true or false, got {value!r:.60}", param=name)
    return bool(value)

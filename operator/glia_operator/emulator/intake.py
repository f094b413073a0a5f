"""One request's fields, checked together: what it asks for, within what this server can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glia_operator.emulator import asks, tokens

if TYPE_CHECKING:
    from glia_operator.emulator import settings as settled


def read(raw: bytes, kind: asks.Kind, request_id: str, settings: settled.Settings) -> asks.Ask:
    """The request of a body.

    Raises:
        Refusal: with the status, type and field that vLLM would name.
    """
    fields = asks.body(raw)
    asks.model(fields, settings.served_model_name)
    if (asks.integer(fields, "n", lowest=1) or 1) != 1:
        raise asks.Refusal("n must be 1: this server gives one answer per request", param="n")
    prompt = asks.prompt(fields, kind)
    room = settings.engine.max_model_len - len(prompt)
    if room < 1:
        raise asks.Refusal(
            f"This model's maximum context length is {settings.engine.max_model_len} tokens, and the prompt has "
            f"{len(prompt)} tokens; at least one must be left for the answer.",
            param="input_tokens",
        )
    most = _max_tokens(fields, kind, room)
    least = min(asks.integer(fields, "min_tokens", lowest=0) or 0, most)
    reply = tokens.answer(request_id, settings.outputs)
    forced = asks.boolean(fields, "ignore_eos")
    wanted = max(reply.wanted, least, 1)
    stream, options = _stream(fields)
    return asks.Ask(
        kind=kind,
        request_id=request_id,
        prompt=prompt,
        reply=reply,
        output_tokens=most if forced else min(wanted, most),
        max_tokens=most,
        stops=not forced and wanted <= most,
        priority=asks.integer(fields, "priority", lowest=-asks.MAX_PRIORITY, highest=asks.MAX_PRIORITY - 1) or 0,
        stream=stream,
        include_usage=asks.boolean(options, "include_usage"),
        continuous_usage=asks.boolean(options, "continuous_usage_stats"),
        echo=kind == "completion" and asks.boolean(fields, "echo"),
    )


def _max_tokens(fields: dict[str, Any], kind: asks.Kind, room: int) -> int:
    given = None
    name = "max_tokens"
    if kind == "chat":
        given = asks.integer(fields, "max_completion_tokens", lowest=1)
    if given is None:
        given = asks.integer(fields, "max_tokens", lowest=1)
    else:
        name = "max_completion_tokens"
    if given is None:
        return room if kind == "chat" else min(asks.COMPLETION_TOKENS, room)
    if given > room:
        raise asks.Refusal(
            f"{name} is {given}, but prompt and answer together may have {room} tokens more than the prompt alone; "
            "ask for fewer or shorten the prompt.",
            param=name,
        )
    return given


def _stream(fields: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    stream = asks.boolean(fields, "stream")
    options = fields.get("stream_options")
    if options is None:
        return stream, {}
    if not isinstance(options, dict):
        raise asks.Refusal("stream_options must be an object", param="stream_options")
    if not stream:
        raise asks.Refusal("stream_options needs stream to be true", param="stream_options")
    return stream, options

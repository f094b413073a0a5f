"""What goes back: JSON bodies and server-sent events in the shape of vLLM's OpenAI-compatible server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glia_operator.emulator import asks

DONE = b"data: [DONE]\n\n"
OBJECTS = {
    ("completion", False): "text_completion",
    ("completion", True): "text_completion",
    ("chat", False): "chat.completion",
    ("chat", True): "chat.completion.chunk",
}
PREFIXES = {"completion": "cmpl", "chat": "chatcmpl"}


def error(message: str, *, status: int, kind: str, param: str | None = None) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"message": message, "type": kind, "param": param, "code": status}}


def refusal(refused: asks.Refusal) -> dict[str, Any]:
    """The body that answers a refused request."""
    return error(refused.message, status=refused.status, kind=refused.kind, param=refused.param)


def models(name: str, *, created: int, max_model_len: int) -> dict[str, Any]:
    """The list of the one model that is served."""
    model = {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": "vllm",
        "root": name,
        "parent": None,
        "max_model_len": max_model_len,
        "permission": [],
    }
    return {"object": "list", "data": [model]}


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """How many tokens a request took."""
    return {
        "prompt_tokens": prompt_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "completion_tokens": completion_tokens,
        "prompt_tokens_details": None,
    }


def finish_reason(ask: asks.Ask) -> str:
    """Why the answer ends."""
    return "stop" if ask.stops else "length"


def whole(ask: asks.Ask, *, model: str, created: int, text: str) -> dict[str, Any]:
    """The answer of a request that does not stream."""
    ended = {"logprobs": None, "finish_reason": finish_reason(ask), "stop_reason": None, "token_ids": None}
    if ask.kind == "chat":
        message: dict[str, Any] = {
            "role": "assistant",
            "content": text,
            "refusal": None,
            "tool_calls": [],
            "reasoning": None,
        }
        choice = {"index": 0, "message": message, **ended}
    else:
        choice = {"index": 0, "text": text, **ended, "prompt_logprobs": None, "prompt_token_ids": None}
    return {
        "id": ask.request_id,
        "object": OBJECTS[ask.kind, False],
        "created": created,
        "model": model,
        "choices": [choice],
        "service_tier": None,
        "system_fingerprint": None,
        "usage": usage(len(ask.prompt), ask.output_tokens),
        "kv_transfer_params": None,
    }


def event(content: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(content, separators=(",", ":")).encode() + b"\n\n"


class Stream:
    """Renders the events of one streamed answer; what all of them begin with is rendered once."""

    def __init__(self, ask: asks.Ask, *, model: str, created: int) -> None:
        self._ask = ask
        self._head = {"id": ask.request_id, "object": OBJECTS[ask.kind, True], "created": created, "model": model}
        self._before = event(self._head)[:-3] + b',"choices":[{"index":0,'

    def opening(self) -> bytes:
        """What comes with the first token: a chat's role."""
        if self._ask.kind != "chat":
            return b""
        return self._chunk(b'"delta":{"role":"assistant","content":""}', b"null", 0)

    def tokens(self, text: str, delivered: int) -> bytes:
        """Some more text; `delivered` counts the tokens with these."""
        ended = delivered == self._ask.output_tokens
        reason = json.dumps(finish_reason(self._ask)).encode() if ended else b"null"
        rendered = json.dumps(text).encode()
        if self._ask.kind == "chat":
            return self._chunk(b'"delta":{"content":' + rendered + b"}", reason, delivered)
        return self._chunk(b'"text":' + rendered, reason, delivered)

    def _chunk(self, what: bytes, reason: bytes, delivered: int) -> bytes:
        tail = b""
        if self._ask.continuous_usage:
            tail = b',"usage":' + json.dumps(usage(len(self._ask.prompt), delivered), separators=(",", ":")).encode()
        rest = b',"logprobs":null,"finish_reason":' + reason + b',"stop_reason":null,"token_ids":null}]'
        return self._before + what + rest + tail + b"}\n\n"

    def closing(self) -> bytes:
        """What comes after the last token."""
        if not self._ask.include_usage:
            return DONE
        spent = usage(len(self._ask.prompt), self._ask.output_tokens)
        return event({**self._head, "choices": [], "usage": spent}) + DONE

"""One OpenAI-compatible endpoint over HTTP: sends a chat completion, waits its turn, and tries again where that helps.

The key goes into the client and nowhere else: whatever the endpoint says is searched for it before anyone reads it.
"""

from __future__ import annotations

import email.utils
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
import openai

from glia_operator.api import section
from glia_operator.research import speech
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from openai import APIResponse

TRIES = 4
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 20.0
LONGEST_ASKED_S = 60.0
"""An endpoint that asks to wait longer than this is asked again after this."""
CONNECT_S = 10.0
LONGEST_BODY = 4 * 1024 * 1024
LONGEST_MESSAGE = 300
LEAST_KEY = 8
"""Shorter keys are placeholders such as EMPTY, and not looked for in texts."""
BUSY = frozenset({408, 409, 425, 429})
TOLD_BY_500 = ("tools", "jinja", "response_format", "json_schema", "grammar", "context")
"""Words by which servers refuse a request with a status that otherwise means a passing fault."""


class Refused(Exception):  # noqa: N818 - named as the endpoint's answer
    """The endpoint does not take this request; in another manner it might."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"HTTP {status}: {message}")
        self.status = status


class Failed(Exception):  # noqa: N818 - named as the endpoint's answer
    """The endpoint gave no answer, after every try; `status` is the last one's, 0 for none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _Passing(Exception):  # noqa: N818 - never leaves this module
    """Worth another try, after at least so many seconds."""

    def __init__(self, message: str, *, status: int = 0, asked_s: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.asked_s = asked_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a model is and how it is reached.

    Attributes:
        url: base URL of the API, such as http://vllm:8000/v1.
        model: name of the model there.
        key: of the API; empty where the endpoint wants none.
        timeout_s: an answer takes at most this long.
        per_minute: at most so many requests in a minute.
    """

    url: str = field(repr=False)
    model: str
    key: str = field(default="", repr=False)
    timeout_s: float = 120.0
    per_minute: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what no request could be made of."""
        if not self.url.startswith(("http://", "https://")):
            raise faults.InputFault(f"the model's URL {self.shown!r} must begin with http:// or https://")
        try:
            found = httpx2.URL(self.url).host.encode("idna")
        except (httpx2.InvalidURL, UnicodeError):
            found = b""
        if not found:
            raise faults.InputFault(
                f"the model's URL {self.shown!r} names no host; write for example http://vllm:8000/v1"
            )
        if not self.model.strip():
            raise faults.InputFault("the model's name is empty; name a model that the endpoint serves")
        if not all("!" <= letter <= "~" for letter in self.key):
            raise faults.InputFault("the model's key holds characters that no HTTP header can carry; copy it again")
        if not self.timeout_s > 0 or not self.per_minute > 0:
            raise faults.InputFault("the model's time-out and its requests per minute must be above 0")

    @property
    def shown(self) -> str:
        """The URL without credentials, and without a query that might hold some."""
        return section.CREDENTIALS.sub("//...@", self.url).partition("?")[0]


class Endpoint:
    """Sends requests to one address.

    Args:
        address: where to.
        clock: monotonic seconds.
        wait: sleeps so many seconds.
    """

    def __init__(
        self,
        address: Address,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self._clock = clock
        self._wait = wait
        self._next_s = clock()
        self._client = openai.OpenAI(
            base_url=address.url,
            api_key=address.key or "none",
            max_retries=0,
            timeout=openai.Timeout(address.timeout_s, connect=min(CONNECT_S, address.timeout_s)),
        )

    def __repr__(self) -> str:
        """The address, without key and credentials."""
        return f"Endpoint({self.address.shown!r}, {self.address.model!r})"

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a chat completion.

        Args:
            request: its fields, without the model's name.

        Raises:
            Refused: the endpoint does not take such a request, key or model.
            Failed: time-outs, lost connections, busy or broken servers, `TRIES` times in a row.
        """
        for attempt in range(1, TRIES + 1):
            self._turn()
            try:
                return self._once(request)
            except _Passing as fault:
                if attempt == TRIES:
                    raise Failed(f"{fault} ({TRIES} tries)", fault.status) from None
                self._wait(pause_s(attempt, fault.asked_s))
        raise AssertionError

    def _turn(self) -> None:
        """Wait until the rate allows one more request."""
        now_s = self._clock()
        if now_s < self._next_s:
            self._wait(self._next_s - now_s)
        self._next_s = max(now_s, self._next_s) + 60.0 / self.address.per_minute

    def _once(self, request: Mapping[str, Any]) -> dict[str, Any]:
        create: Callable[..., AbstractContextManager[APIResponse[Any]]]
        create = self._client.chat.completions.with_streaming_response.create
        try:
            with create(model=self.address.model, **request) as response:
                return self._body(response)
        except openai.APIStatusError as error:
            raise self._judged(error) from None
        except (openai.APITimeoutError, httpx2.TimeoutException):
            raise _Passing(f"no answer within {self.address.timeout_s:g} s") from None
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            reason = error.__cause__ or error
            raise _Passing(f"the connection failed: {self._plain(str(reason)) or type(reason).__name__}") from None

    def _body(self, response: APIResponse[Any]) -> dict[str, Any]:
        """The response as JSON, read no longer than the time-out and no further than `LONGEST_BODY`."""
        began_s, parts, size = self._clock(), [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > LONGEST_BODY:
                raise Failed(f"the answer is longer than {LONGEST_BODY} bytes")
            if self._clock() - began_s > self.address.timeout_s:
                raise _Passing(f"no whole answer within {self.address.timeout_s:g} s")
        try:
            body = json.loads(self._without_key(b"".join(parts).decode(errors="replace")), strict=False)
        except (ValueError, RecursionError):
            raise _Passing("the answer is not JSON, or was cut short") from None
        if isinstance(body, dict) and isinstance(body.get("choices"), list) and body["choices"]:
            return body
        raise _Passing(f"the answer is no chat completion: {self._plain(_message(body))}")

    def _judged(self, error: openai.APIStatusError) -> Exception:
        """What a status means: a refusal, or worth another try."""
        status, message = error.status_code, self._plain(_message(error.body))
        passing = status in BUSY or status >= httpx2.codes.INTERNAL_SERVER_ERROR
        told = any(word in message.casefold() for word in TOLD_BY_500)
        if not passing or (status == httpx2.codes.INTERNAL_SERVER_ERROR and told):
            return Refused(status, message)
        asked_s = retry_after_s(error.response.headers.get("retry-after", ""), time.time())
        return _Passing(f"HTTP {status}: {message}", status=status, asked_s=asked_s)

    def _plain(self, text: str) -> str:
        """The endpoint's own words as one short line without the key."""
        return " ".join(speech.clean(self._without_key(text)).split())[:LONGEST_MESSAGE]

    def _without_key(self, text: str) -> str:
        key = self.address.key
        return text.replace(key, "(key)") if len(key) >= LEAST_KEY else text


def pause_s(attempt: int, asked_s: float) -> float:
    """Seconds before attempt `attempt + 1`: doubling, and never less than the endpoint asks, within bounds."""
    own_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempt - 1))
    return max(own_s, min(asked_s, LONGEST_ASKED_S))


def retry_after_s(header: str, now_s: float) -> float:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; 0 for none or nonsense."""
    try:
        asked_s = float(header)
    except ValueError:
        try:
            asked_s = email.utils.parsedate_to_datetime(header).timestamp() - now_s
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return min(max(asked_s, 0.0), LONGEST_ASKED_S) if asked_s == asked_s else 0.0  # noqa: PLR0124 - NaN


def _message(body: object) -> str:
    """The message in an error's body, wherever it stands."""
    for _ in range(3):
        if not isinstance(body, dict):
            break
        body = body.get("error", body.get("message", body.get("detail", "")))
    return str(body)[: 4 * LONGEST_MESSAGE]

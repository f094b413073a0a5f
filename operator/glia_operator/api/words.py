"""The scalars that fields are made of: names, durations, shares, limits, digests, moments; and how each is read."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Annotated, Any

import pydantic

from glia_operator.api import rule

MAX_NAME = 253
DURATION_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
LIMIT = r"([1-9][0-9]{0,8}([.][0-9]{1,6})?|0[.][0-9]{0,5}[1-9])(ms|s|m|min|h)?"
_NUMBER_AND_UNIT = re.compile(r"([0-9.]+)([a-z]*)", re.ASCII)

Name = Annotated[
    str,
    pydantic.Field(min_length=1, max_length=MAX_NAME),
    rule.shape(
        "[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
        "must be a Kubernetes name: lower-case ASCII letters, digits, inner - and ., such as vllm-llama",
    ),
]
"""Name of an object in the same namespace."""

Key = Annotated[
    str,
    pydantic.Field(min_length=1, max_length=MAX_NAME),
    rule.shape("[-._a-zA-Z0-9]+", "must be a key of a ConfigMap or Secret: ASCII letters, digits, -, _ and ."),
]
"""Key in a ConfigMap or a Secret."""

Duration = Annotated[
    str,
    pydantic.Field(max_length=16),
    rule.shape(
        "[1-9][0-9]{0,8}(ms|s|m|h)", "must be a whole number above 0 with the unit ms, s, m or h, such as 30m or 1500ms"
    ),
]
"""A positive duration."""

Percent = Annotated[
    str,
    pydantic.Field(max_length=16),
    rule.shape(
        "(100|[0-9]{1,2}([.][0-9]{1,2})?)%",
        "must be a percentage from 0% to 100%, in quotes or not, such as 5% or 2.5%",
    ),
]
"""A share of a whole."""

SignedPercent = Annotated[
    str,
    pydantic.Field(max_length=24),
    rule.shape("[+-][0-9]{1,12}[.][0-9]{2}%", "must be a signed percentage with two digits, such as +19.35% or -0.40%"),
]
"""A relative change, as the operator writes it."""

Digest = Annotated[
    str,
    pydantic.Field(max_length=71),
    rule.shape("sha256:[0-9a-f]{64}", "must be sha256: and 64 hexadecimal digits"),
]
"""SHA-256 of a content."""

Line = Annotated[str, pydantic.Field(max_length=512), rule.PRINTABLE]
"""One line for people."""

Text = Annotated[str, pydantic.Field(max_length=4096), rule.PRINTABLE]
"""Text for people."""


def _moment(text: str) -> str:
    if moment(text).tzinfo is None:
        raise ValueError("must be a moment with its time zone, such as 2026-11-24T15:00:00Z")
    return text


Moment = Annotated[
    str,
    pydantic.AfterValidator(_moment),
    pydantic.WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 64}),
]
"""A moment in RFC 3339."""


def _limit(value: object) -> object:
    """A number with a fraction as text: a file may hold one, an object may not, for Kubernetes has no such type."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:f}".rstrip("0").rstrip(".")
    return value


Limit = Annotated[
    Annotated[int, pydantic.Field(ge=1, le=1_000_000_000)] | str,
    pydantic.BeforeValidator(_limit),
    pydantic.WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minimum": 1,
            "maximum": 1_000_000_000,
            "maxLength": 24,
        }
    ),
    rule.Checked(
        cel=f"type(self) == int || self.matches('^(?:{LIMIT})$')",
        message="must be above 0: a time such as 1500ms, 1.5s or 2m, or for slowdown a ratio such as 5 or '2.5'",
        holds=lambda value: isinstance(value, int) or bool(re.fullmatch(LIMIT, value, re.ASCII)),
    ),
]
"""An upper bound: a duration, or a ratio."""


def seconds(duration: str) -> float:
    """Seconds of a `Duration`, or of a `Limit` with a unit."""
    match = _NUMBER_AND_UNIT.fullmatch(duration)
    if match is None or match[2] not in DURATION_UNITS:
        raise ValueError(f"{duration!r} is not a duration such as 30m")
    return float(match[1]) * DURATION_UNITS[match[2]]


def has_unit(limit: int | str) -> bool:
    """Whether a `Limit` is a time."""
    return isinstance(limit, str) and limit[-1:].isalpha()


def share(percent: str) -> float:
    """The share that a percentage says: 0.05 for 5%."""
    return float(percent.removesuffix("%")) / 100


def signed_percent(value: float) -> str:
    """A relative change as a `SignedPercent`: +19.35% for 0.1935."""
    return f"{value * 100:+.2f}%"


def moment(text: str) -> dt.datetime:
    """The moment that a `Moment` says."""
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a moment such as 2026-11-24T15:00:00Z") from None


def stamp(at: dt.datetime) -> str:
    """A moment as the API server writes it, to the second."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def keyed(*names: str) -> dict[str, Any]:
    """Schema extras of a list whose elements are told apart by these fields."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(names)}


ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
"""Schema extras of a list that is replaced as a whole."""

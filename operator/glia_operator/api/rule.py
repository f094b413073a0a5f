"""Rules that the API server checks in CEL and this code checks in Python: both meanings stand side by side."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    import pydantic
    from pydantic.json_schema import JsonSchemaValue

VALIDATIONS = "x-kubernetes-validations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule about a section.

    Attributes:
        cel: the rule as the API server checks it; one that reads `oldSelf` is checked on updates alone.
        message: what would be right, for whoever wrote the object.
        holds: the same rule in Python; None where it speaks of `oldSelf`.
        field: dotted path below the section that the message is about, such as `.maxReplicas`.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool] | None = None
    field: str | None = None

    def schema(self) -> dict[str, str]:
        """The entry in `x-kubernetes-validations`."""
        entry = {"rule": self.cel, "message": self.message}
        return entry if self.field is None else {**entry, "fieldPath": self.field}


def _kept(value: Any, test: Callable[[Any], bool], message: str) -> Any:  # noqa: ANN401 - any scalar
    if not test(value):
        raise ValueError(message)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A rule about one scalar, to stand in `Annotated`: `self` in `cel` is the value."""

    cel: str
    message: str
    holds: Callable[[Any], bool]

    def __get_pydantic_core_schema__(
        self, source: object, handler: pydantic.GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Check after the type and the bounds."""
        return core_schema.no_info_after_validator_function(
            lambda value: _kept(value, self.holds, self.message), handler(source)
        )

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: pydantic.GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The type's schema with this rule added."""
        schema = handler(core)
        return {**schema, VALIDATIONS: [*schema.get(VALIDATIONS, ()), {"rule": self.cel, "message": self.message}]}


def shape(pattern: str, message: str) -> Checked:
    """A text that as a whole looks like `pattern`, which must mean the same in RE2 and in Python."""
    compiled = re.compile(pattern, re.ASCII)
    return Checked(
        cel=f"self.matches('^(?:{pattern})$')", message=message, holds=lambda text: bool(compiled.fullmatch(text))
    )


def _printable(text: str) -> bool:
    return all(letter in "\n\t" or unicodedata.category(letter) not in {"Cc", "Cf"} for letter in text)


PRINTABLE = Checked(
    cel=r"!self.matches('[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]|\\p{Cf}')",
    message="must be printable text: no control characters, no invisible or direction-changing ones",
    holds=_printable,
)

_URL = re.compile(r"https?://[^\s/@]+(/[^\s@]*)?", re.ASCII)
URL = Checked(
    cel="self.matches('^https?://[^\\\\s/@]+(/[^\\\\s@]*)?$')",
    message="must be http:// or https:// with a host and no user or password in it; credentials go into a Secret",
    holds=lambda url: bool(_URL.fullmatch(url)),
)

"""What every part of a custom resource has in common, and how an object is read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import pydantic
from pydantic.alias_generators import to_camel

from glia_operator.api import rule
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

SHOWN = 80
CREDENTIALS = re.compile(r"//[^/@\s]*@")
"""User and password in a URL: messages end up in logs."""


class Section(pydantic.BaseModel):
    """A part of an object that users write: unknown fields are refused, types are not converted."""

    model_config = pydantic.ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
    rules: ClassVar[tuple[rule.Rule, ...]] = ()

    @pydantic.model_validator(mode="after")
    def _ruled(self) -> Self:
        for one in type(self).rules:
            if one.holds is not None and not one.holds(self):
                raise ValueError(one.message)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: core_schema.CoreSchema, handler: pydantic.GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The section's schema with its rules."""
        schema = handler.resolve_ref_schema(handler(core))
        if cls.rules:
            schema[rule.VALIDATIONS] = [one.schema() for one in cls.rules]
        return schema

    def plain(self) -> dict[str, Any]:
        """The section as the API server stores it; what is absent is left out."""
        content: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return content


class Status(Section):
    """A part of an object that the operator writes: fields of a later version are ignored."""

    model_config = pydantic.ConfigDict(extra="ignore")


Kind = TypeVar("Kind", bound=Section)


def read(kind: type[Kind], content: object, place: str) -> Kind:
    """The object in `content`, read as strictly as the API server reads it.

    Args:
        kind: a model.
        content: plain values, with field names as they stand in YAML.
        place: what to call the object in messages.

    Raises:
        InputFault: naming the place, the field, what was received and what would be right.
    """
    try:
        return kind.model_validate(content, by_alias=True, by_name=False)
    except pydantic.ValidationError as error:
        raise faults.InputFault(f"{place}: {sentence(error)}") from None


def sentence(error: pydantic.ValidationError) -> str:
    """The first finding, a field that does not exist before all others, as one sentence."""
    found: Mapping[str, Any] = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    field = _dotted(found["loc"])
    if found["type"] == "extra_forbidden":
        return f"{field}: there is no such field"
    if found["type"] == "missing":
        return f"{field}: this field is required"
    message = str(found["msg"]).removeprefix("Value error, ")
    received = found["input"]
    if isinstance(received, dict | list | Section):
        return f"{field}: {message[0].lower()}{message[1:]}"
    shown = CREDENTIALS.sub("//...@", received) if isinstance(received, str) else received
    return f"{field}: {message[0].lower()}{message[1:]}, received {shown!r:.{SHOWN}}"


def _dotted(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.removeprefix(".") or "the object"

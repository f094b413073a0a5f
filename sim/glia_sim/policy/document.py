"""A policy as a document: YAML with programs, parameters and a rationale, checked as it is read."""

from __future__ import annotations

import hashlib
import json
import keyword
import pathlib
import re
from typing import TYPE_CHECKING, Annotated, Any

import pydantic
import pydantic_core
import yaml

from glia_sim import faults
from glia_sim.policy import catalogue, check, marks, refusals, tree

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PARAMETER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_MAX_PARAMETERS = 256
_MAX_CHARACTERS = 4_000
_NUMBERS = ("value", "low", "high")


def _policy_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("use at most 63 lower-case letters, digits and inner hyphens, for example hra-spf")
    return text


def _parameter_name(text: str) -> str:
    if not _PARAMETER_NAME.fullmatch(text) or keyword.iskeyword(text):
        raise ValueError("use ASCII letters, digits and underscores, starting with a letter")
    return text


def _words(text: str) -> str:
    if not text.strip() or len(text) > _MAX_CHARACTERS:
        raise ValueError(f"write between 1 and {_MAX_CHARACTERS} characters")
    if any(not (character.isprintable() or character == "\n") for character in text):
        raise ValueError("use printable characters and line ends only")
    return text.strip()


def _line(text: str) -> str:
    if "\n" in text.strip():
        raise ValueError("write one line")
    return _words(text)


def _program(text: str) -> str:
    return "\n".join(line.rstrip(" ") for line in text.rstrip(" \n").split("\n")) + "\n"


_Finite = Annotated[float, pydantic.Field(allow_inf_nan=False)]
_Line = Annotated[str, pydantic.AfterValidator(_line)]
_Text = Annotated[str, pydantic.AfterValidator(_program)]


class Parameter(pydantic.BaseModel):
    """A number that programs read as `p.NAME`, with the bounds a search stays within."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)

    value: _Finite
    low: _Finite
    high: _Finite
    unit: _Line
    meaning: _Line

    @pydantic.model_validator(mode="after")
    def _within_bounds(self) -> Parameter:
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} has to be below high {self.high:g}")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"the value {self.value:g} has to lie between low {self.low:g} and high {self.high:g}")
        return self


class Policy(pydantic.BaseModel):
    """Up to three programs with their parameters; one in hand is inside the language.

    Constructing one raises `refusals.Refusal` for a program outside the language, and pydantic's ValidationError for
    anything else; `loads` turns both into an InputFault with the place.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, pydantic.AfterValidator(_policy_name)]
    rationale: Annotated[str, pydantic.AfterValidator(_words)]
    parameters: dict[Annotated[str, pydantic.AfterValidator(_parameter_name)], Parameter] = pydantic.Field(
        default_factory=dict, max_length=_MAX_PARAMETERS
    )
    router: _Text | None = None
    scheduler: _Text | None = None
    autoscaler: _Text | None = None

    @property
    def texts(self) -> dict[str, str]:
        """Text of each program that the policy has, by "router", "scheduler", "autoscaler"."""
        texts = {"router": self.router, "scheduler": self.scheduler, "autoscaler": self.autoscaler}
        return {program: text for program, text in texts.items() if text is not None}

    @property
    def programs(self) -> dict[str, check.Checked]:
        """Each checked program that the policy has."""
        names = tuple(self.parameters)
        return {program: check.check(program, text, names) for program, text in self.texts.items()}

    @property
    def digest(self) -> str:
        """Identity of the policy's whole content: "sha256:" and 64 hexadecimal digits."""
        canonical = json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"

    def function(self, name: str) -> tree.Function | None:
        """The checked tree of `order`, `score`, `priority` or `replicas`, if the policy defines it."""
        found = (checked.program.function(name) for checked in self.programs.values())
        return next((function for function in found if function is not None), None)

    @pydantic.model_validator(mode="after")
    def _inside_the_language(self) -> Policy:
        if not self.texts:
            raise ValueError("a policy needs at least one program: router, scheduler or autoscaler")
        facts = [facts for checked in self.programs.values() for facts in checked.facts.values()]
        read = {name for one in facts for name in one.parameters}
        for name in self.parameters:
            if name not in read:
                sentence = refusals.SENTENCES["unread-parameter"].format(name=name)
                raise pydantic_core.PydanticCustomError(
                    "unread_parameter", "{sentence}", {"sentence": sentence, "name": name}
                )
        return self


def load(name_or_path: str | pathlib.Path) -> Policy:
    """Read a policy of the catalogue, by its name, or of a YAML file, by its path.

    Raises:
        faults.InputFault: no such policy, or a document that is not valid, with file and line.
    """
    name = str(name_or_path)
    if name in catalogue.names():
        return loads(catalogue.text(name), place=f"{name}.yaml")
    path = pathlib.Path(name_or_path)
    if path.suffix in {".yaml", ".yml"} or len(path.parts) > 1 or marks.is_file(path):
        return loads(marks.read_file(path), place=name)
    hint = refusals.hint(name, catalogue.names())
    raise faults.InputFault(f"'{name}' is not a policy of the catalogue{hint}; or give the path of a YAML file")


def loads(text: str, *, place: str) -> Policy:
    """Read a policy from the text of a YAML document; `place` names it in messages."""
    page = marks.read(text, place)
    data: dict[str, Any] = {key: value for key, value in page.data.items() if value is not None}
    parameters = data.get("parameters")
    if isinstance(parameters, dict):
        data["parameters"] = {name: _numbers(parameter) for name, parameter in parameters.items()}
    try:
        return Policy.model_validate(data)
    except refusals.Refusal as refusal:
        raise page.program_fault(refusal.program, refusal.at.line, str(refusal)) from None
    except pydantic.ValidationError as error:
        raise _sentence(page, error) from None


def dumps(policy: Policy) -> str:
    """The policy as a YAML document, such that `loads(dumps(policy))` equals it."""
    data = policy.model_dump(exclude_none=True)
    if not policy.parameters:
        del data["parameters"]
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def with_values(policy: Policy, values: Mapping[str, float]) -> Policy:
    """The same policy with other values of some parameters.

    Raises:
        faults.InputFault: an unknown parameter, or a value outside its bounds.
    """
    parameters = dict(policy.parameters)
    for name, value in values.items():
        if name not in parameters:
            hint = refusals.hint(name, parameters)
            raise faults.InputFault(f"policy {policy.name}: there is no parameter '{name}'{hint}")
        old = parameters[name]
        if not old.low <= value <= old.high:
            bounds = f"between {old.low:g} and {old.high:g} {old.unit}"
            raise faults.InputFault(f"policy {policy.name}: parameter {name} is {value:g}; it has to lie {bounds}")
        parameters[name] = old.model_copy(update={"value": float(value)})
    return policy.model_copy(update={"parameters": parameters})


def _numbers(parameter: object) -> object:
    """A parameter's entry with its numbers read; what is not a number stays, for the model to refuse."""
    if not isinstance(parameter, dict):
        return parameter
    read = dict(parameter)
    for key in _NUMBERS:
        try:
            read[key] = float(read[key])
        except (KeyError, TypeError, ValueError):
            continue
    return read


def _sentence(page: marks.Page, error: pydantic.ValidationError) -> faults.InputFault:
    """One of pydantic's findings, a wrong key before all others, as one sentence with its place."""
    found = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    path = tuple(part for part in found["loc"] if part != "[key]")
    where = ".".join(str(part) for part in path)
    known = Parameter if len(path) == len(("parameters", "name", "key")) else Policy
    match found["type"]:
        case "missing":
            return page.fault(path, f"the key '{where}' is missing; every policy is described in full")
        case "extra_forbidden":
            hint = refusals.hint(str(path[-1]), known.model_fields)
            return page.fault(path, f"'{where}' is not a key of a policy{hint}")
        case "value_error" | "unread_parameter":
            path = ("parameters", found["ctx"]["name"]) if found["type"] == "unread_parameter" else path
            prefix = f"{where}: " if where else ""
            return page.fault(path, prefix + found["msg"].removeprefix("Value error, "))
        case _:
            received = repr(found["input"])[:60]
            return page.fault(path, f"{where}: {found['msg'][0].lower()}{found['msg'][1:]}, received {received}")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as literal blocks."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)

"""A policy's YAML as plain texts with the place of each, so that every refusal can name a line of the file."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from glia_sim import faults, text_file, yaml_text

if TYPE_CHECKING:
    import pathlib

MAX_BYTES = 64 * 1024

Data = str | None | dict[str, "Data"] | list["Data"]

_TAG = "tag:yaml.org,2002:"
_SCALARS = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "timestamp", "value", "merge")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One document.

    Args:
        place: file name, or what stands for it, for messages.
        data: the top-level mapping; every scalar is the text that stands in the file, and None where YAML has null.
        root: PyYAML's node of it.
    """

    place: str
    data: dict[str, Data]
    root: yaml.MappingNode

    def fault(self, path: tuple[str | int, ...], sentence: str) -> faults.InputFault:
        """A fault at a value, or at the closest mapping around it that stands in the file."""
        return faults.InputFault(f"{self.place}, line {yaml_text.line_of(self.root, path)}: {sentence}")

    def program_fault(self, program: str, line: int, sentence: str) -> faults.InputFault:
        """A fault at a line of a program: the file's own line where the program is a literal block (`|`)."""
        value = next(value for key, value in self.root.value if key.value == program)
        file_line = value.start_mark.line + 1
        if value.style == "|":
            file_line += line
        return faults.InputFault(f"{self.place}, line {file_line}: {sentence}")


def is_file(path: pathlib.Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def read_file(path: pathlib.Path) -> str:
    """The text of a file, or an InputFault that says why it cannot be read."""
    return text_file.read(path, what="a policy's YAML file", most_bytes=MAX_BYTES)


def read(text: str, place: str) -> Page:
    """Read one YAML document whose top level is a mapping.

    Raises:
        faults.InputFault: not YAML, or YAML beyond the allowed part, with place and line.
    """
    if len(text) > MAX_BYTES:
        raise _too_large(place)
    _, root = yaml_text.read(text, place)
    return Page(place=place, data=_mapping(root, place), root=root)


def _too_large(place: str) -> faults.InputFault:
    return faults.InputFault(f"{place}: a policy has at most {MAX_BYTES} bytes, and this is larger")


def _mapping(node: yaml.MappingNode, place: str) -> dict[str, Data]:
    return {str(key.value): _value(value, place) for key, value in node.value}


def _value(node: yaml.Node, place: str) -> Data:
    if isinstance(node, yaml.ScalarNode) and node.tag == f"{_TAG}null":
        return None
    if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
        return _text(node, place)
    if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
        return _mapping(node, place)
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
        return [_value(item, place) for item in node.value]
    raise _fault(node, place, f"the tag '{node.tag}' is not allowed; remove it")


def _text(node: yaml.ScalarNode, place: str) -> str:
    text = str(node.value)
    if any(unicodedata.category(character) == "Cs" for character in text):
        raise _fault(node, place, "a lone surrogate is not a character; remove it")
    return text


def _fault(node: yaml.Node, place: str, sentence: str) -> faults.InputFault:
    return faults.InputFault(f"{place}, line {node.start_mark.line + 1}: {sentence}")

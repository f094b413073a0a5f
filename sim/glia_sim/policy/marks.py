"""YAML as plain data with the place of every value: no aliases, no tags, no duplicate keys, bounded size and depth."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from glia_sim import faults

if TYPE_CHECKING:
    import pathlib

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8

Path = tuple[str | int, ...]
Data = str | None | dict[str, "Data"] | list["Data"]

_TAG = "tag:yaml.org,2002:"
_SCALARS = {f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "timestamp", "value", "merge")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document's data: scalars are text (None where YAML has null), with the place of each by its path.

    Args:
        place: file name, or what stands for it, for messages.
        data: the top-level mapping.
        lines: line of each value, of the key itself for an entry of a mapping.
        blocks: line, for each literal block (`|`), of the indicator; its text starts on the next line.
    """

    place: str
    data: dict[str, Data]
    lines: dict[Path, int] = field(default_factory=dict)
    blocks: dict[Path, int] = field(default_factory=dict)

    def fault(self, path: Path, sentence: str) -> faults.InputFault:
        """A fault at a value, or at the nearest mapping around it that stands in the file."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return faults.InputFault(f"{self.place}, line {self.lines.get(known, 1)}: {sentence}")


def read_file(path: pathlib.Path) -> str:
    """The text of a file, or an InputFault that says why it cannot be read."""
    try:
        if not path.is_file():
            reason = "this is not a regular file" if path.exists() else "there is no such file"
            raise faults.InputFault(f"{path}: {reason}; give the path of a YAML file")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise faults.InputFault(f"{str(path)!r} cannot be read: {reason}; give the path of a YAML file") from None
    if len(content) > MAX_BYTES:
        raise faults.InputFault(f"{path}: the file is larger than {MAX_BYTES} bytes, the most that is allowed")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise faults.InputFault(f"{path}, line {line}: this is not UTF-8; save the file as UTF-8") from None


def read(text: str, place: str) -> Document:
    """Read one YAML document whose top level is a mapping.

    Raises:
        faults.InputFault: not YAML, or YAML beyond the allowed part, with place and line.
    """
    if len(text) > MAX_BYTES:
        raise faults.InputFault(f"{place}: the text is larger than {MAX_BYTES} bytes, the most that is allowed")
    try:
        _check_events(text, place)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except ValueError as error:  # an escape beyond Unicode
        raise faults.InputFault(f"{place}: this is not valid YAML: {error}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise faults.InputFault(f"{place}{at}: this is not valid YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise faults.InputFault(f"{place}, line {line}: the character U+{error.character:04X} is not allowed") from None
    if not isinstance(root, yaml.MappingNode):
        raise faults.InputFault(f"{place}, line 1: a mapping with keys and values is expected, and this is not one")
    return _Reader(place).document(root)


def _check_events(text: str, place: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None) is not None:
            raise faults.InputFault(f"{place}, line {line}: anchors and aliases are not allowed; write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise faults.InputFault(f"{place}, line {line}: values are nested more than {MAX_DEPTH} deep")


class _Reader:
    """Turns nodes into data and notes where each stands."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._lines: dict[Path, int] = {}
        self._blocks: dict[Path, int] = {}

    def document(self, root: yaml.MappingNode) -> Document:
        data = self._mapping(root, ())
        return Document(place=self._place, data=data, lines=self._lines, blocks=self._blocks)

    def _mapping(self, mapping: yaml.MappingNode, path: Path) -> dict[str, Data]:
        data: dict[str, Data] = {}
        for key_node, value_node in mapping.value:
            line = key_node.start_mark.line + 1
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                raise faults.InputFault(f"{self._place}, line {line}: a key has to be a plain word")
            if key in data:
                raise faults.InputFault(f"{self._place}, line {line}: the key '{key}' stands twice; keep one")
            inner = (*path, key)
            self._lines[inner] = line
            if isinstance(value_node, yaml.ScalarNode) and value_node.style == "|":
                self._blocks[inner] = value_node.start_mark.line + 1
            data[key] = self._value(value_node, inner)
        return data

    def _value(self, node: yaml.Node, path: Path) -> Data:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            items: list[Data] = []
            for index, item in enumerate(node.value):
                self._lines[*path, index] = item.start_mark.line + 1
                items.append(self._value(item, (*path, index)))
            return items
        raise self._tag(node)

    def _scalar(self, node: yaml.ScalarNode) -> str | None:
        if node.tag == f"{_TAG}null":
            return None
        if node.tag not in _SCALARS:
            raise self._tag(node)
        text = str(node.value)
        if any(unicodedata.category(character) == "Cs" for character in text):
            line = node.start_mark.line + 1
            raise faults.InputFault(f"{self._place}, line {line}: a lone surrogate is not a character; remove it")
        return text

    def _tag(self, node: yaml.Node) -> faults.InputFault:
        line = node.start_mark.line + 1
        return faults.InputFault(f"{self._place}, line {line}: the tag '{node.tag}' is not allowed; remove it")

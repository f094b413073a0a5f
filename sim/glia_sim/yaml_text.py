"""YAML texts with their lines, so that every refusal can name one."""

from __future__ import annotations

import re
from typing import Any

import yaml

from glia_sim import faults

MAX_CHARACTERS = 1_000_000


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as PyYAML reads it, but with 1e-4 a number, as YAML 1.2 and everyone who writes one has it."""


_Loader.add_implicit_resolver(  # type: ignore[no-untyped-call]
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+\Z"), list("-+0123456789")
)


def read(text: str, place: str) -> tuple[Any, yaml.MappingNode]:
    """The values of a text that holds one mapping without repeated keys and aliases, and its nodes for `line_of`.

    Raises:
        InputFault: naming `place` and, where there is one, the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise faults.InputFault(f"{place}: {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
    try:
        root = yaml.compose(text, Loader=_Loader)
        _check(root, place, set())
        values = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise faults.InputFault(f"{place}{where}: not YAML: {error.problem or error.context}") from None
    except RecursionError:
        raise faults.InputFault(f"{place}: not YAML: sections are nested too deep") from None
    except OverflowError:  # PyYAML's own, from an escape such as \UFFFFFFFF
        raise faults.InputFault(f"{place}: not YAML: an escape names no character of Unicode") from None
    except Exception as error:  # noqa: BLE001  # PyYAML's constructors raise whatever a number or date makes them
        reason = str(error) or type(error).__name__
        raise faults.InputFault(f"{place}: not YAML: {reason.splitlines()[0]}") from None
    if not isinstance(root, yaml.MappingNode):
        raise faults.InputFault(f"{place}: expected a mapping of fields")
    return values, root


def _check(node: yaml.Node | None, place: str, seen: set[int]) -> None:
    """Refuse what a file of fields has no use for; aliases would let a short text stand for an endless one."""
    if not isinstance(node, yaml.CollectionNode):
        return
    if id(node) in seen:
        raise faults.InputFault(f"{place}, line {node.start_mark.line + 1}: aliases of this section are not supported")
    seen.add(id(node))
    children = node.value
    if isinstance(node, yaml.MappingNode):
        _check_keys(node, place)
        children = [child for _, child in node.value]
    for child in children:
        _check(child, place, seen)


def _check_keys(node: yaml.MappingNode, place: str) -> None:
    given: set[str] = set()
    for key, _ in node.value:
        where = f"{place}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise faults.InputFault(f"{where}: a field's name must be a word")
        if key.value in given:
            raise faults.InputFault(f"{where}: {key.value!r} is given twice")
        given.add(key.value)


def dotted(location: tuple[int | str, ...]) -> str:
    """A location such as ("groups", 0, "gpu") as people write it: groups[0].gpu."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.removeprefix(".") or "the file"


def line_of(root: yaml.Node, location: tuple[int | str, ...]) -> int:
    """Line, from 1, of the field at `location`, or of the closest section around it that the text holds."""
    node, line = root, root.start_mark.line + 1
    for part in location:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next(((key, child) for key, child in node.value if key.value == part), None)
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = (node.value[part], node.value[part])
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line

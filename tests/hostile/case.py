"""What a case is, and how one is made from a whole object by one change."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
GONE = object()
"""As a value: the field is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An object that must be refused.

    Attributes:
        name: for people.
        body: the object; for an update, what it is changed to.
        says: fragments that the refusal must hold: the field, and what would be right.
        old: the object as it stands before an update; None = `body` is created.
        text: sent instead of `body`, byte by byte, as YAML.
        modelled: whether the models must refuse it too; False where the server judges bytes, updates or unknown kinds.
    """

    name: str
    body: Object = field(default_factory=dict)
    says: tuple[str, ...]
    old: Object | None = None
    text: bytes | None = None
    modelled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An object that the API server accepts and the operator has to judge.

    Attributes:
        name: for people.
        objects: to create in this order, in one namespace; the one to judge is the last.
        says: fragments of the message of a condition whose status is not True, or of status.message.
    """

    name: str
    objects: tuple[Object, ...]
    says: tuple[str, ...]


def changed(whole: Object, path: str, value: Any) -> Object:
    """The object with another value at a dotted path, or without it; missing parents are made."""
    made = copy.deepcopy(whole)
    *parents, last = path.split(".")
    node: Any = made
    for part in parents:
        node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
    if value is GONE:
        del node[last]
    elif isinstance(node, list):
        node[int(last)] = value
    else:
        node[last] = value
    return made

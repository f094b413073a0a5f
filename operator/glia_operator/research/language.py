"""The policy language in words for a model, written from the tables that the language itself is checked by."""

from __future__ import annotations

import importlib.resources
import string
from typing import TYPE_CHECKING

from glia_sim.policy import fields, phrases, refusals, tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MEANINGS = {
    "order": "key of a held request in the router's queue, lowest first; without it the queue is in order of arrival",
    "score": "preference of a held request for one serving replica, highest first; `return SKIP`: not this replica, "
    "now; `return BLOCK`: hold this request and everyone behind it. Without a score from any replica, one BLOCK ends "
    "the pass over the queue; with SKIP from all, this request waits and the next is tried. The queue is passed over "
    "at every arrival, completion and refresh of the views",
    "priority": "key of a dispatched request in the replica's own scheduler, computed once at dispatch: the lowest is "
    "admitted first, the highest is preempted first",
    "replicas": "how many replicas are wanted now",
}
assert set(MEANINGS) == set(tree.SIGNATURES)  # noqa: S101 - the table is proven total where it stands


def described(tunes: Iterable[str]) -> str:
    """What a policy may say, for the programs that may change."""
    wanted = set(tunes)
    functions = [
        _function(program, name) for program, names in tree.PROGRAMS.items() if program in wanted for name in names
    ]
    views = {"request": fields.REQUEST, "replica": fields.REPLICA, "fleet": fields.FLEET}
    return page(
        "language",
        {
            "functions": "\n".join(functions),
            "calls": ", ".join(_call(name, count) for name, count in tree.FUNCTIONS.items()),
            "limits": f"{refusals.LINES} lines and {refusals.NODES:,} operations, names and numbers a program, "
            f"{refusals.LINE_CHARACTERS} characters a line, loops nested {refusals.LOOP_DEPTH} deep",
            "fields": "\n".join(_field(owner, field) for owner, view in views.items() for field in view),
            "ranks": ", ".join(f"{name} = {value:g}" for name, value in fields.GPU_CLASSES.items()),
        },
    ).rstrip("\n")


def page(name: str, words: Mapping[str, str]) -> str:
    """A page of `prompts` with its places filled in."""
    found = importlib.resources.files("glia_operator.research") / "prompts" / f"{name}.md"
    return string.Template(found.read_text(encoding="utf-8")).substitute(words)


def _function(program: str, name: str) -> str:
    need = "required" if tree.REQUIRED[program] == name else "optional"
    return f"- {program}: `{phrases.signature(name)}` ({need}): {MEANINGS[name]}."


def _call(name: str, count: int) -> str:
    return f"{name}({', '.join('abc'[:count])}{', ...' if count > 1 else ''})"


def _field(owner: str, field: fields.Field) -> str:
    return f"- {owner}.{field.name} ({field.unit}): {field.meaning}"

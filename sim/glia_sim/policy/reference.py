"""Keeps the tables of `docs/policy-language.md` equal to the code: `python -m glia_sim.policy.reference FILE`.

A table stands between a line `<!-- table: NAME -->` and a line `<!-- end -->`.
"""

from __future__ import annotations

import pathlib
import re
import sys
from typing import TYPE_CHECKING

from glia_sim.policy import catalogue, document, fields, phrases, refusals, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SECTION = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def filled(page: str) -> str:
    """The page with every marked table written anew."""
    return _SECTION.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}", page)


def _table(*rows: Iterable[str]) -> str:
    head, *body = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows]
    rule = "|" + "---|" * (head.count("|") - 1) + "\n"
    return "".join([head, rule, *body])


def _view(owner: str, view: tuple[fields.Field, ...]) -> str:
    rows = [(f"`{owner}.{field.name}`", field.unit, field.meaning) for field in view]
    return _table(("field", "unit", "meaning"), *rows)


def _functions() -> str:
    rows = [
        (program, f"`{phrases.signature(name)}`", "required" if tree.REQUIRED[program] == name else "optional")
        for program, names in tree.PROGRAMS.items()
        for name in names
    ]
    return _table(("program", "function", ""), *rows)


def _gpus() -> str:
    return _table(("name", "value"), *[(f"`{name}`", f"{value:g}") for name, value in fields.GPU_CLASSES.items()])


def _limits() -> str:
    limits = {
        "bytes of a program": refusals.TEXT_BYTES,
        "lines of a program": refusals.LINES,
        "characters of a line": refusals.LINE_CHARACTERS,
        "operations, names and numbers of a program": refusals.NODES,
        "nesting of blocks, and of one expression": refusals.DEPTH,
        "nesting of loops": refusals.LOOP_DEPTH,
    }
    return _table(("what", "at most"), *[(what, f"{limit:,}") for what, limit in limits.items()])


def _refusals() -> str:
    return _table(("rule", "sentence"), *[(f"`{rule}`", text) for rule, text in refusals.SENTENCES.items()])


def _catalogue() -> str:
    policies = [document.load(name) for name in catalogue.names()]
    rows = [(f"`{one.name}`", ", ".join(one.texts), one.rationale.replace("\n", " ")) for one in policies]
    return _table(("policy", "programs", "rationale"), *rows)


TABLES: dict[str, Callable[[], str]] = {
    "functions": _functions,
    "request": lambda: _view("request", fields.REQUEST),
    "replica": lambda: _view("replica", fields.REPLICA),
    "fleet": lambda: _view("fleet", fields.FLEET),
    "gpus": _gpus,
    "limits": _limits,
    "refusals": _refusals,
    "catalogue": _catalogue,
}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = pathlib.Path(name)
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")

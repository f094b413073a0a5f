"""Finished tables on disk, by the digest of what they were made from."""

from __future__ import annotations

import hashlib
import pathlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydantic

import glia_operator
import glia_sim
from glia_operator.cli import files
from paper import tables  # noqa: TC001 - pydantic reads the annotation

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = pathlib.Path(__file__).resolve().parent
CODE = (pathlib.Path(glia_sim.__file__).parent, pathlib.Path(glia_operator.__file__).parent / "research")
SOURCES = (".py", ".yaml", ".md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A table, or why it was not run, and what it took; `cpu_s` counts the workers."""

    table: tables.Table | None
    not_run: str
    wall_s: float
    cpu_s: float


SHAPE = pydantic.TypeAdapter(Finished)


def digest(paths: Iterable[pathlib.Path]) -> str:
    """Sixteen hexadecimal digits of the names and contents of these files; a missing one counts as missing."""
    content = hashlib.sha256()
    for path in paths:
        content.update(f"{path.name} {path.stat().st_size if path.is_file() else 'missing'}\n".encode())
        content.update(path.read_bytes() if path.is_file() else b"")
    return content.hexdigest()[:16]


def version() -> str:
    """Digest of the twin's and the research team's sources: other code may give other numbers."""
    return digest(sorted(path for folder in CODE for path in folder.rglob("*") if path.suffix in SOURCES))


def key(table: str, others: Iterable[str], data: Iterable[pathlib.Path]) -> str:
    """Digest of a table's inputs: the modules here but for those of other tables, and its data files."""
    sources = sorted(path for path in HERE.glob("*.py") if path.stem not in set(others) - {table})
    return digest([*sources, *data])


def recall(path: pathlib.Path) -> Finished | None:
    """The finished table at a path; None where there is none that can be read."""
    try:
        return SHAPE.validate_json(path.read_bytes())
    except (OSError, pydantic.ValidationError):
        return None


def keep(path: pathlib.Path, finished: Finished) -> None:
    """Write a finished table, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, SHAPE.dump_json(finished, indent=1).decode())

"""Text for a terminal: aligned tables, indented paragraphs, and nothing that a terminal would obey."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 110


def plain(text: str) -> str:
    """The text without control and direction-changing characters: it may come from anybody who writes objects."""
    return "".join(
        letter if letter == "\n" or unicodedata.category(letter) not in {"Cc", "Cf"} else "?" for letter in text
    )


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as aligned lines, the first one being titles."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def paragraph(text: str, *, indent: str = "  ", first: str | None = None) -> list[str]:
    """Lines of one paragraph."""
    return textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def section(title: str, lines: Iterable[str]) -> list[str]:
    """A titled part; nothing where it has no lines."""
    inside = list(lines)
    return ["", title, *inside] if inside else []


def bullets(sentences: Iterable[str], *, indent: str = "  ") -> list[str]:
    """A line or more per sentence."""
    return [line for one in sentences for line in paragraph(one, indent=indent + "  ", first=indent + "- ")]

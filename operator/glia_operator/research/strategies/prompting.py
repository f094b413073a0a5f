"""Pure prompting: every attempt sees what the first one saw, and none knows of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.research.strategies import attempts

if TYPE_CHECKING:
    from glia_operator.research import desk


def best_of_n(research: desk.Research) -> None:
    """As many attempts as experiments, all from the same first view."""
    made, first = attempts.Attempts(research=research), research.view()
    while made.go_on:
        made.make(first)

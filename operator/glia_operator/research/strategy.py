"""Strategies: how a study spends its experiments. Validation and exam are the same for all."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from glia_operator.research import conversation
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from glia_operator.research import desk

Strategy = "Callable[[desk.Research], None]"

STRATEGIES: Mapping[str, Callable[[desk.Research], None]] = {
    "glia": functools.partial(conversation.converse, supervised=True),
    "single": functools.partial(conversation.converse, supervised=False),
}


def named(name: str) -> Callable[[desk.Research], None]:
    """The strategy of that name.

    Raises:
        InputFault: there is none.
    """
    if name not in STRATEGIES:
        raise faults.InputFault(f"strategy {name!r} is unknown; it must be one of {', '.join(STRATEGIES)}")
    return STRATEGIES[name]

"""Strategies: how a study spends its experiments. Validation and exam are the same for all."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from glia_operator.research import conversation
from glia_operator.research.playbook import brain as playbook
from glia_operator.research.strategies import catalogue, evolution, prompting, search
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from glia_operator.research import desk, team

STRATEGIES: Mapping[str, Callable[[desk.Research], None]] = {
    "glia": functools.partial(conversation.converse, supervised=True),
    "single": functools.partial(conversation.converse, supervised=False),
    "best-of-n": prompting.best_of_n,
    "evolution": evolution.evolve,
    "search": search.explore,
    "catalogue": catalogue.control,
}


ASKS_A_MODEL = frozenset({"best-of-n", "evolution"})
"""Strategies that need a brain with ideas of its own."""


def named(name: str, brain: team.Brain) -> Callable[[desk.Research], None]:
    """The strategy of that name, for that brain.

    Raises:
        InputFault: there is none, or it asks a model and the brain is none.
    """
    if name not in STRATEGIES:
        raise faults.InputFault(f"strategy {name!r} is unknown; it must be one of {', '.join(STRATEGIES)}")
    if name in ASKS_A_MODEL and isinstance(brain, playbook.Playbook):
        others = ", ".join(one for one in STRATEGIES if one not in ASKS_A_MODEL)
        raise faults.InputFault(
            f"strategy {name} asks a language model for every attempt, and the brain {brain.name} is none; "
            f"name a model, or one of the strategies {others}"
        )
    return STRATEGIES[name]

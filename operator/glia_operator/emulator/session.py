"""One request on its way through the engine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_operator.emulator import asks


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """A request that the engine holds, and what it has got; times are on the engine's clock.

    Attributes:
        number: the engine's number of it.
        preemptions_counted: how many of its preemptions the metrics know.
        heard: called when tokens have come.
    """

    ask: asks.Ask
    number: int
    arrival_s: float
    scheduled_s: float = math.nan
    first_token_s: float = math.nan
    last_token_s: float = math.nan
    cached: int = 0
    delivered: int = 0
    preemptions: int = 0
    preemptions_counted: int = 0
    done: bool = False
    heard: Callable[[], None] = field(default=lambda: None)

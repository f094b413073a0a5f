"""Which target a request goes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Rule = Literal["rr", "random", "least"]
RULES: tuple[Rule, ...] = ("rr", "random", "least")


@dataclass(slots=True, kw_only=True)
class Router:
    """Round robin, at random from a seed, or to the target with the fewest requests in flight, the first of equals."""

    rule: Rule
    targets: tuple[str, ...]
    seed: int = 0
    in_flight: list[int] = field(init=False)
    _chance: np.random.Generator = field(init=False)
    _turn: int = 0

    def __post_init__(self) -> None:
        self.in_flight = [0] * len(self.targets)
        self._chance = np.random.Generator(np.random.PCG64DXSM(self.seed))

    def choose(self) -> int:
        """Index of the target for the next request."""
        if self.rule == "rr":
            self._turn += 1
            return (self._turn - 1) % len(self.targets)
        if self.rule == "random":
            return int(self._chance.integers(len(self.targets)))
        return self.in_flight.index(min(self.in_flight))

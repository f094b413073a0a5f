"""The engine's clock: seconds since the start, faster or slower than the wall's, and able to stand still."""

from __future__ import annotations

import math


class Clock:
    """Turns seconds of a monotonic wall clock into seconds of the engine."""

    def __init__(self, wall_s: float, *, speed: float) -> None:
        self._speed = speed
        self._wall_s = wall_s  # a moment, and what the engine's clock showed then
        self._engine_s = 0.0
        self._stands = False

    def now(self, wall_s: float) -> float:
        """What it shows."""
        return self._engine_s if self._stands else self._engine_s + (wall_s - self._wall_s) * self._speed

    def wall(self, engine_s: float) -> float:
        """When it will show `engine_s`; infinity while it stands."""
        if self._stands or engine_s == math.inf:
            return math.inf
        return self._wall_s + (engine_s - self._engine_s) / self._speed

    def stop(self, wall_s: float) -> None:
        """Stand still."""
        self._engine_s, self._wall_s, self._stands = self.now(wall_s), wall_s, True

    def go(self, wall_s: float) -> None:
        """Go on from where it stands."""
        if self._stands:
            self._wall_s, self._stands = wall_s, False

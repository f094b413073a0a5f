"""Time as an argument: the system's clock, and one that tests turn by hand."""

from __future__ import annotations

import asyncio
import datetime as dt
import heapq
import itertools
import time
from typing import Protocol

TURNS = 25
"""How often a virtual clock lets other tasks run before it takes them for waiting."""


class Clock(Protocol):
    """What time it is, and waiting."""

    def now(self) -> dt.datetime:
        """The time of day in UTC; it may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never jumps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        """The time of day in UTC."""
        return dt.datetime.now(dt.UTC)

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class VirtualClock:
    """Fake: time passes only in `run_for`, which wakes the sleepers in their order."""

    def __init__(self) -> None:
        self._elapsed_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self.skew_s = 0.0

    def now(self) -> dt.datetime:
        """A fixed day, plus what has passed and the skew of this clock."""
        start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        return start + dt.timedelta(seconds=self._elapsed_s + self.skew_s)

    def monotonic(self) -> float:
        """Seconds that `run_for` let pass."""
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        """Wait until `run_for` comes by."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_s + max(seconds, 0.0), next(self._order), future))
        await future

    async def run_for(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that it brings."""
        end = self._elapsed_s + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._elapsed_s, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
            await self._settle()
        self._elapsed_s = end

    @staticmethod
    async def _settle() -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)

"""The queue of optimisations to look at: each once, again later where that is asked, rested after a failure."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import TYPE_CHECKING

from glia_operator.handlers import store as stores

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_operator.adapters import clock as clocks

FIRST_REST_S = 0.5
LONGEST_REST_S = 300.0

Key = stores.Key


class Work:
    """A queue for several workers; one key is never in two hands.

    Args:
        clock: whose time.
        chance: a number from 0 to 1, for jitter.
    """

    def __init__(self, clock: clocks.Clock, chance: Callable[[], float]) -> None:
        self._clock = clock
        self._chance = chance
        self._ready: dict[Key, None] = {}
        self._in_hand: set[Key] = set()
        self._again: set[Key] = set()
        self._later: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._order = itertools.count()
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._ready)

    def add(self, key: Key) -> None:
        """Look at it as soon as possible."""
        if key in self._in_hand:
            self._again.add(key)
        else:
            self._ready[key] = None
        self._news.set()

    def add_later(self, key: Key, after_s: float) -> None:
        """Look at it after so many seconds, or earlier where that was asked before."""
        due_s = self._clock.monotonic() + after_s
        if due_s < self._due.get(key, float("inf")):
            self._due[key] = due_s
            heapq.heappush(self._later, (due_s, next(self._order), key))
            self._news.set()

    async def take(self) -> Key:
        """The next key; give it back with `done` or `failed`."""
        while True:
            self._ripen()
            if self._ready:
                key = next(iter(self._ready))
                del self._ready[key]
                self._in_hand.add(key)
                return key
            self._news.clear()
            await self._wait()

    def done(self, key: Key, again_after_s: float | None) -> None:
        """It went well."""
        self._failures.pop(key, None)
        self._put_back(key)
        if again_after_s is not None:
            self.add_later(key, again_after_s)

    def failed(self, key: Key) -> float:
        """It did not; it rests, twice as long each time. Returns seconds."""
        count = self._failures[key] = self._failures.get(key, 0) + 1
        rest_s = min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** (count - 1)) * (0.75 + 0.5 * self._chance())
        self._again.discard(key)
        self._put_back(key)
        self.add_later(key, rest_s)
        return rest_s

    def forget(self, key: Key) -> None:
        """It is gone."""
        self._due.pop(key, None)
        self._failures.pop(key, None)

    def _put_back(self, key: Key) -> None:
        self._in_hand.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def _ripen(self) -> None:
        now_s = self._clock.monotonic()
        while self._later and self._later[0][0] <= now_s:
            due_s, _, key = heapq.heappop(self._later)
            if self._due.get(key) == due_s:
                del self._due[key]
                self.add(key)

    async def _wait(self) -> None:
        """Until there is news, or something is due."""
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._news.wait())]
        if self._later:
            waits.append(asyncio.ensure_future(self._clock.sleep(self._later[0][0] - self._clock.monotonic())))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

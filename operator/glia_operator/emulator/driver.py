"""Runs one `Core` against the event loop's clock, and makes its faults happen."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
from typing import TYPE_CHECKING

from glia_operator.emulator import clock, core, trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_operator.emulator import asks, schema, session
    from glia_operator.emulator import settings as settled

EARLY_S = 5e-4
"""The event loop's timers ring up to 1 ms late; set so much early, they are right on average."""
FINEST_S = 6e-4
"""What is due within this counts as due: the engine is at most so far ahead of the wall."""

USHERED = 2
"""So many requests hear of their tokens before the event loop looks after arrivals again."""


class Driver:
    """An emulated server's engine in real time; `loop` is the running event loop."""

    def __init__(self, settings: settled.Settings, *, loop: asyncio.AbstractEventLoop, created: float) -> None:
        self._loop = loop
        self._clock = clock.Clock(loop.time(), speed=settings.speed)
        self._timer: asyncio.TimerHandle | None = None
        self.core = core.Core(settings, created=created)
        self.troubles = trouble.Troubles()
        self._ushers = False
        self.refuse: Callable[[float], None] = lambda _for_s: None

    @property
    def now_s(self) -> float:
        """The event loop's clock."""
        return self._loop.time()

    @property
    def ready(self) -> bool:
        """Whether the server has started up."""
        return not self.troubles.on("slow-start", self.now_s)

    def open(self, ask: asks.Ask) -> session.Session:
        """Hand a request to the engine now.

        Raises:
            Refusal: the queue is full.
        """
        self.core.admit(len(ask.prompt), full=self.troubles.on("full-queue", self.now_s))
        opened = self.core.open(self._engine_s(), ask)
        self._arm()
        return opened

    def close(self, one: session.Session) -> None:
        """The client of a request went away."""
        self.core.close(self._engine_s(), one)
        self._arm()

    def catch_up(self) -> None:
        """Run the engine to now."""
        if not self._standing():
            self.core.advance(self._engine_s())
        self._arm()

    async def unstalled(self) -> None:
        """Wait while the whole server stands still."""
        if self._standing():
            await asyncio.sleep(self.troubles.ends("stall", self.now_s) - self.now_s)

    def inflict(self, section: schema.FaultSection) -> None:
        """Let a fault happen."""
        made = trouble.make(section, self.now_s)
        self.troubles.add(made)
        self._loop.call_at(made.begin_s, self._begin, made)

    def clear(self, kind: str | None = None) -> None:
        """Let faults of a kind, or all, be over."""
        self.troubles.clear(kind)
        self._settle()

    def _begin(self, made: trouble.Trouble) -> None:
        if not self.troubles.on(made.kind, self.now_s + FINEST_S):
            return
        if made.kind == "crash":
            os._exit(made.exit_code)
        if made.kind == "refuse":
            self.refuse(made.end_s - made.begin_s)
        self._settle()
        if made.end_s < math.inf:
            self._loop.call_at(made.end_s, self._settle)

    def _settle(self) -> None:
        """Let the engine's clock stand exactly while a step is stuck."""
        self.catch_up()
        if self.troubles.on("stuck", self.now_s + FINEST_S):
            self._clock.stop(self.now_s)
        else:
            self._clock.go(self.now_s)
        self._arm()

    def _standing(self) -> bool:
        return self.troubles.on("stall", self.now_s)

    def _engine_s(self) -> float:
        return self._clock.now(self.now_s)

    def _arm(self) -> None:
        """Set the timer to the engine's next event, and have those told of their tokens who do not know yet."""
        if self.core.unheard and not self._ushers:
            self._ushers = True
            self._loop.call_soon(self._usher)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wall_s = self._clock.wall(self.core.due)
        if wall_s < math.inf:
            self._timer = self._loop.call_at(max(wall_s - EARLY_S, self.troubles.ends("stall", self.now_s)), self._ring)

    def _usher(self) -> None:
        unheard = self.core.unheard
        for number in tuple(itertools.islice(unheard, USHERED)):
            unheard.pop(number).heard()
        self._ushers = bool(unheard)
        if self._ushers:
            self._loop.call_soon(self._usher)

    def _ring(self) -> None:
        self._timer = None
        soon_s = self._clock.now(self.now_s + FINEST_S)
        self.core.advance(max(self._engine_s(), min(self.core.due, soon_s)))
        self._arm()

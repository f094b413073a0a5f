"""Calls that wait their turn, and are tried again where the API is busy or away."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import structlog

from glia_operator.adapters import kube

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from glia_operator.adapters import clock as clocks

RATE_PER_S = 50.0
BURST = 100.0
TRIES = 4
FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 5.0
LONGEST_ASKED_S = 30.0
"""A server that asks to wait longer than this is asked again after this."""
POLL_S = 5.0
"""Between two tries of what is waited for however long it takes."""

T = TypeVar("T")
log = structlog.get_logger(__name__)


class PatientKube:
    """Sends no more than `RATE_PER_S` calls on average, and each at most `TRIES` times.

    Trying again is safe because every call is: patches carry the version they expect or apply the same fields once
    more, and what is created has a name that says what it is.

    Args:
        inner: who sends.
        clock: whose time.
        chance: a number from 0 to 1, for jitter.
    """

    def __init__(self, inner: kube.Kube, clock: clocks.Clock, chance: Callable[[], float]) -> None:
        self._inner = inner
        self._clock = clock
        self._chance = chance
        self._allowance = BURST
        self._counted_at_s = clock.monotonic()

    async def send(self, call: kube.Call) -> kube.Object:
        """The answer's body; raises as `kube.Kube.send`, once patience is over."""
        for attempt in range(1, TRIES):
            await self._turn()
            try:
                return await self._inner.send(call)
            except (kube.Busy, kube.Unavailable) as fault:
                await self._clock.sleep(pause_s(attempt, fault.retry_after_s, self._chance()))
        await self._turn()
        return await self._inner.send(call)

    async def _turn(self) -> None:
        """Take one from the allowance, which fills up as time passes; who finds it empty waits for its share."""
        now_s = self._clock.monotonic()
        self._allowance = min(BURST, self._allowance + (now_s - self._counted_at_s) * RATE_PER_S)
        self._counted_at_s = now_s
        self._allowance -= 1.0
        if self._allowance < 0.0:
            await self._clock.sleep(-self._allowance / RATE_PER_S)


async def answered(asking: Callable[[], Awaitable[T]], clock: clocks.Clock) -> T:
    """The answer, once there is one: without it an operator cannot begin, so it waits and says once for what."""
    told = False
    while True:
        try:
            return await asking()
        except kube.KubeFault as fault:
            if not told:
                log.warning("waiting for the API", error=str(fault))
            told = True
            await clock.sleep(POLL_S)


def pause_s(attempt: int, asked_s: float | None, chance: float) -> float:
    """Seconds before attempt `attempt + 1`: doubling, spread by half, and never less than the server asks."""
    own_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (attempt - 1)) * (0.75 + 0.5 * chance)
    return max(own_s, min(asked_s or 0.0, LONGEST_ASKED_S))

"""Taking, holding and giving back the Lease that makes one operator the leader."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from glia_operator.adapters import kube
from glia_operator.handlers.decision import election

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_operator.adapters import clock as clocks

JITTER = 0.2
"""A wait is up to this share longer, so that standbys do not all come at once."""

HASTE = 0.25
"""Share of a wait after a renewal that failed: so many more tries fit into the time that is left."""

log = structlog.get_logger(__name__)


class Leadership:
    """One identity's part in an election.

    Args:
        cluster: where the Lease is; sends each call once, for patience would outlive the Lease.
        namespace: of the Lease.
        name: of the Lease.
        me: unique among all processes that ever ran; a restarted process is another one.
    """

    def __init__(
        self,
        cluster: kube.Kube,
        *,
        namespace: str,
        name: str,
        me: str,
        clock: clocks.Clock,
        chance: Callable[[], float],
        terms: election.Terms | None = None,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._me = me
        self._clock = clock
        self._chance = chance
        self._terms = terms or election.Terms()
        self._sight: election.Sight | None = None
        self._stale = False  # the Lease was written since it was seen
        self.renewed_at_s = 0.0

    async def acquire(self) -> None:
        """Wait until this process leads."""
        while True:
            wait_s = await self._tried()
            if wait_s == 0.0:
                return
            await self._clock.sleep(wait_s)

    async def hold(self) -> str:
        """Renew until that fails for too long; returns why this process leads no more."""
        share = 1.0
        while True:
            await self._clock.sleep(self._pause_s() * share)
            silent_s = self._clock.monotonic() - self.renewed_at_s
            if silent_s >= self._terms.renew_within_s:
                return f"the Lease could not be renewed for {silent_s:.1f} s"
            before_s = self.renewed_at_s
            lost = await self._renewed(self._terms.renew_within_s - silent_s)
            if lost:
                return lost
            share = 1.0 if self.renewed_at_s > before_s else HASTE

    async def release(self) -> None:
        """Give the Lease back, if it is still held."""
        if self._sight is None or self._sight.held.holder != self._me:
            return
        body = {
            "metadata": {"resourceVersion": self._sight.held.version},
            "spec": election.surrender(self._clock.now()),
        }
        try:
            await kube.merge(self._cluster, kube.LEASES, self._namespace, self._name, body)
        except kube.KubeFault as fault:
            log.warning("the Lease could not be given back; it runs out by itself", error=str(fault))

    async def _tried(self) -> float:
        """Take the Lease if it is free: 0 if this process leads now, else seconds to wait."""
        try:
            lease = await self._read()
            if lease is None:
                await self._write(None)
                return 0.0
            held = election.read(lease, self._terms)
            self._sight = election.look(self._sight, held, self._clock.monotonic())
            step, left_s = election.step(self._sight, self._me, self._clock.monotonic())
            if step is election.Step.WAIT:
                return min(self._pause_s(), left_s + 0.01 + 0.1 * self._chance())
            await self._write(held)
        except kube.KubeFault as fault:
            log.warning("the Lease was not taken", error=str(fault))
            return self._pause_s()
        return 0.0

    async def _renewed(self, within_s: float) -> str:
        """Renew once; an empty string, or why this process leads no more."""
        try:
            async with asyncio.timeout(within_s):
                lost = await self._reread() if self._stale else ""
                if lost:
                    return lost
                try:
                    await self._write(self._sight.held if self._sight else None)
                except (kube.Conflict, kube.NotFound, kube.AlreadyExists):
                    self._stale = True
                    return await self._reread()
        except (kube.KubeFault, TimeoutError) as fault:
            log.warning("the Lease was not renewed", error=str(fault) or "no answer in time")
        return ""

    async def _reread(self) -> str:
        """The Lease is not what it was: somebody else's now, or ours after a write whose answer was lost."""
        lease = await self._read()
        self._stale = False
        if lease is None:
            self._sight = None
            return ""
        held = election.read(lease, self._terms)
        if held.holder != self._me:
            return f"the Lease is held by {held.holder or 'nobody'}"
        self._sight = election.look(self._sight, held, self._clock.monotonic())
        return ""

    async def _read(self) -> kube.Object | None:
        try:
            return await kube.get(self._cluster, kube.LEASES, self._namespace, self._name)
        except kube.NotFound:
            return None

    async def _write(self, held: election.Held | None) -> None:
        began_s = self._clock.monotonic()
        spec = election.claim(held, self._me, self._terms, self._clock.now())
        if held is None:
            body = {"metadata": {"name": self._name, "namespace": self._namespace}, "spec": spec}
            lease = await kube.create(self._cluster, kube.LEASES, self._namespace, body)
        else:
            body = {"metadata": {"resourceVersion": held.version}, "spec": spec}
            lease = await kube.merge(self._cluster, kube.LEASES, self._namespace, self._name, body)
        self._sight = election.look(self._sight, election.read(lease, self._terms), self._clock.monotonic())
        self.renewed_at_s = began_s

    def _pause_s(self) -> float:
        return self._terms.retry_s * (1.0 + JITTER * self._chance())

"""Events on objects: each kind of news once, counted where it comes again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import structlog

from glia_operator.adapters import kube, pages
from glia_operator.api import words

if TYPE_CHECKING:
    from glia_operator.adapters import clock as clocks
    from glia_operator.handlers import store as stores
    from glia_operator.handlers.decision import act

LONGEST = 1000
BURST = 25.0
RATE_PER_S = 1.0 / 60.0
"""Events of one object: so many at once, then one a minute."""
MOST_OBJECTS = 4096

log = structlog.get_logger(__name__)


class Recorder:
    """Writes core/v1 Events; one that cannot be written is logged and left.

    An Event's name is made of the object, reason and message, so that news told twice, by this operator or by the one
    before it, is one Event with a count.

    Args:
        instance: this process, as Events name it.
    """

    def __init__(self, cluster: kube.Kube, *, store: stores.Store, clock: clocks.Clock, instance: str) -> None:
        self._cluster = cluster
        self._store = store
        self._clock = clock
        self._instance = instance
        self._allowances: dict[str, tuple[float, float]] = {}

    async def tell(self, owner: pages.Owner, action: act.Emit) -> None:
        """Tell it."""
        about = self._about(owner, action.policy)
        if about is None or not self._allowed(str(about["uid"])):
            return
        try:
            await self._write(owner, action, about)
        except kube.KubeFault as fault:
            log.warning("an Event was not written", error=str(fault))

    def _about(self, owner: pages.Owner, policy: str) -> kube.Object | None:
        kind, name, uid = kube.OPTIMIZATIONS, owner.name, owner.uid
        if policy:
            found = self._store.policy(owner.namespace, policy)
            if found is None:
                return None
            kind, name, uid = kube.POLICIES, policy, found["metadata"]["uid"]
        return {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "namespace": owner.namespace,
            "name": name,
            "uid": uid,
        }

    def _allowed(self, uid: str) -> bool:
        now_s = self._clock.monotonic()
        if len(self._allowances) > MOST_OBJECTS:
            self._allowances.clear()
        left, at_s = self._allowances.get(uid, (BURST, now_s))
        left = min(BURST, left + (now_s - at_s) * RATE_PER_S)
        self._allowances[uid] = (left - (left >= 1.0), now_s)
        return left >= 1.0

    async def _write(self, owner: pages.Owner, action: act.Emit, about: kube.Object) -> None:
        content = f"{about['uid']} {action.reason} {action.message}"
        name = f"{about['name']}.{hashlib.sha256(content.encode()).hexdigest()[:16]}"
        moment = words.stamp(self._clock.now())
        body = {
            "metadata": {"name": name, "namespace": owner.namespace},
            "involvedObject": about,
            "type": "Warning" if action.warning else "Normal",
            "reason": action.reason,
            "message": action.message[:LONGEST],
            "source": {"component": kube.FIELD_MANAGER},
            "reportingComponent": kube.FIELD_MANAGER,
            "reportingInstance": self._instance,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }
        try:
            await kube.create(self._cluster, kube.EVENTS, owner.namespace, body)
        except kube.AlreadyExists:
            found = await kube.get(self._cluster, kube.EVENTS, owner.namespace, name)
            again = {"count": int(found.get("count") or 1) + 1, "lastTimestamp": moment}
            await kube.merge(self._cluster, kube.EVENTS, owner.namespace, name, again)

"""Who may lead, decided from what a Lease says and when this process saw it change.

Clocks of two machines differ, so a time written in the Lease is never compared with the own clock: a holder is gone
when its Lease has not changed for its duration, measured by the observer's own monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How leading works; seconds.

    Attributes:
        duration_s: a Lease unchanged for so long is free.
        renew_within_s: a leader that could not renew for so long is one no more; well below `duration_s`.
        retry_s: between two looks at the Lease.
    """

    duration_s: float = 15.0
    renew_within_s: float = 10.0
    retry_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a Lease says. `version` changes with every write."""

    holder: str
    duration_s: float
    transitions: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A Lease, and when (monotonic seconds) it was first seen like this."""

    held: Held
    since_s: float


class Step(Enum):
    """What to do about a Lease."""

    TAKE = "take"
    RENEW = "renew"
    WAIT = "wait"


def read(lease: dict[str, Any], terms: Terms) -> Held:
    """What a Lease object says; a field that is missing is as if never held."""
    spec = lease.get("spec") or {}
    return Held(
        holder=spec.get("holderIdentity") or "",
        duration_s=float(spec.get("leaseDurationSeconds") or terms.duration_s),
        transitions=int(spec.get("leaseTransitions") or 0),
        version=lease["metadata"]["resourceVersion"],
    )


def look(before: Sight | None, held: Held, now_s: float) -> Sight:
    """The new sight; the time runs on where nothing changed."""
    return before if before is not None and before.held == held else Sight(held=held, since_s=now_s)


def step(sight: Sight, me: str, now_s: float) -> tuple[Step, float]:
    """What to do, and for WAIT how many seconds the holder still has."""
    if sight.held.holder == me:
        return Step.RENEW, 0.0
    left_s = sight.since_s + sight.held.duration_s - now_s
    if not sight.held.holder or left_s <= 0.0:
        return Step.TAKE, 0.0
    return Step.WAIT, left_s


def claim(held: Held | None, me: str, terms: Terms, now: dt.datetime) -> dict[str, Any]:
    """The Lease's spec as `me` writes it when it takes or renews it."""
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": me, "leaseDurationSeconds": max(1, round(terms.duration_s)), "renewTime": stamp}
    if held is None:
        return {**spec, "acquireTime": stamp, "leaseTransitions": 0}
    if held.holder == me:
        return spec
    return {**spec, "acquireTime": stamp, "leaseTransitions": held.transitions + 1}


def surrender(now: dt.datetime) -> dict[str, Any]:
    """The Lease's spec when its holder goes in peace: free at once."""
    return {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}

"""Faults on request: which are on at a given moment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glia_operator.emulator import schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One fault, on from `begin_s` to before `end_s`, seconds on the server's monotonic clock."""

    kind: schema.Kind
    begin_s: float
    end_s: float
    exit_code: int

    def on(self, now_s: float) -> bool:
        """Whether it is on."""
        return self.begin_s <= now_s < self.end_s

    def as_json(self, now_s: float) -> dict[str, Any]:
        """For the fault endpoint: times relative to now."""
        left = None if self.end_s == math.inf else self.end_s - now_s
        return {
            "kind": self.kind,
            "on": self.on(now_s),
            "begins_in_s": max(self.begin_s - now_s, 0.0),
            "ends_in_s": left,
        }


def make(section: schema.FaultSection, now_s: float) -> Trouble:
    """The fault that a section asks for at `now_s`."""
    begin_s = now_s + section.after_s
    end_s = math.inf if section.for_s is None else begin_s + section.for_s
    return Trouble(kind=section.kind, begin_s=begin_s, end_s=end_s, exit_code=section.exit_code)


class Troubles:
    """All faults that have been asked for and are not over."""

    def __init__(self) -> None:
        self._known: list[Trouble] = []

    def add(self, trouble: Trouble) -> None:
        """One more."""
        self._known.append(trouble)

    def clear(self, kind: str | None = None) -> None:
        """Forget those of a kind, or all."""
        self._known = [one for one in self._known if kind is not None and one.kind != kind]

    def on(self, kind: schema.Kind, now_s: float) -> bool:
        """Whether a fault of that kind is on."""
        return any(one.kind == kind and one.on(now_s) for one in self._known)

    def ends(self, kind: schema.Kind, now_s: float) -> float:
        """When the last fault of that kind that is on now ends; now where none is."""
        return max((one.end_s for one in self._known if one.kind == kind and one.on(now_s)), default=now_s)

    def as_json(self, now_s: float) -> list[dict[str, Any]]:
        """All that are on or will be."""
        return [one.as_json(now_s) for one in self._known if one.end_s > now_s]

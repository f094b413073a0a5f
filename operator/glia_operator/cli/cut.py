"""The fleet and the part of a trace that a command is about, as the user names them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A fleet and the part of a trace to serve on it, as the user names them.

    Attributes:
        fleet: built-in name or path.
        trace: path or `synthetic:` address.
        time_scale: factor on arrival times.
        start: seconds into the trace.
        limit: most requests; None = all.
    """

    fleet: str
    trace: str
    time_scale: float = 1.0
    start: float = 0.0
    limit: int | None = None

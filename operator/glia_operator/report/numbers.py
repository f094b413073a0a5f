"""Numbers for people."""

from __future__ import annotations

import math

DIGITS = 4


def short(value: float) -> str:
    """A number to about four digits, never in powers of ten unless it is tiny; a dash where there is none."""
    if not math.isfinite(value):
        return "-"
    if value == 0 or abs(value) < 10**-DIGITS:
        return f"{value:.2g}"
    places = max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def percent(share: float) -> str:
    """A share as a percentage with one digit behind the point."""
    return f"{share:.1%}" if math.isfinite(share) else "-"


def signed(share: float) -> str:
    """A relative change with its sign; what rounds to nothing counts as +0.0%."""
    return f"{share:+z.1%}" if math.isfinite(share) else "-"


def interval(low: float, high: float) -> str:
    """Two relative changes as a range."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "unknown"
    return f"{signed(low)} to {signed(high)}"


def points(share: float) -> str:
    """A difference of two shares in percentage points."""
    return f"{100 * share:+z.1f} points" if math.isfinite(share) else "-"

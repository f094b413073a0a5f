"""The router's choice, in plain Python: what the engine and the picker have to agree with."""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING

from glia_sim.policy import evaluate, interpret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_sim.policy import document


class Hold(enum.Enum):
    """Why a request stays in the router's queue."""

    NEXT = "every replica was skipped: this request waits, and the next one is tried"
    STOP = "no replica was scored and one blocked: this request waits, and everyone behind it"


def choose(scores: Sequence[float], sequence: int) -> int | Hold:
    """The row of the replica that takes a request.

    The best score wins. Rows are looked at in a circle that starts at row `sequence % len(scores)`, and of equal best
    scores the first wins, so that ties spread over the replicas. SKIP and BLOCK never win: BLOCK holds the queue only
    when no row has a score.

    Args:
        scores: one per serving replica; SKIP is -inf and BLOCK is +inf.
        sequence: the request's.
    """
    count = len(scores)
    circle = [(sequence + step) % count for step in range(count)]
    open_rows = [row for row in circle if math.isfinite(scores[row])]
    if open_rows:
        return max(open_rows, key=lambda row: scores[row])
    return Hold.STOP if evaluate.BLOCK in scores else Hold.NEXT


def route(
    policy: document.Policy, request: interpret.View, replicas: interpret.Views, fleet: interpret.View
) -> int | Hold:
    """The choice of a policy for one held request among the serving replicas, by the interpreter.

    Args:
        policy: defines `score`.
        request: fields of the request's view.
        replicas: fields of all replicas' views; the first fleet["serving"] are those that may be chosen.
        fleet: fields of the fleet's view.

    Raises:
        faults.PolicyFault: the program met an operation without a finite result.
    """
    serving = replicas[: int(fleet["serving"])]
    scores = [interpret.score(policy, request, replica, replicas, fleet) for replica in serving]
    return choose(scores, int(request["sequence"]))


def queue(
    policy: document.Policy, requests: Sequence[interpret.View], replicas: interpret.Views, fleet: interpret.View
) -> list[int]:
    """Positions of the held requests in the order in which they are tried: by key, then by arrival."""
    ordered = policy.function("order") is not None
    keys = [interpret.order(policy, request, replicas, fleet) if ordered else 0.0 for request in requests]
    return sorted(range(len(requests)), key=lambda position: (keys[position], requests[position]["sequence"]))

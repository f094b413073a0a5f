"""What the event loop calls where a policy has no program; the flags in `control` keep it from being called."""

from __future__ import annotations

import numba

_VECTOR = numba.float64[::1]
_ROWS = numba.float64[:, ::1]
_FLAGS = numba.int64[::1]

EVALUATE = numba.float64(_VECTOR, _ROWS, numba.int64, _VECTOR, _VECTOR, _FLAGS)
SCORE = numba.void(_VECTOR, _ROWS, numba.int64, _VECTOR, _VECTOR, _VECTOR, _FLAGS)


@numba.cfunc(EVALUATE, cache=True)
def evaluate(request, replicas, n, fleet, values, fault):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, ARG001
    """Order, priority or replica count of a policy without such a program."""
    return 0.0


@numba.cfunc(SCORE, cache=True)
def score(request, replicas, n, fleet, values, scores, fault):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, ARG001
    """Scores of a policy without a router."""
    return

"""Small runs and cards made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from glia_sim import score
from glia_sim.engine import layout, run


@dataclass(frozen=True)
class Make:
    """Builders of runs, cards and effects with round numbers."""

    def run(self, e2e: list[float], *, failed: tuple[int, ...] = (), **changes: Any) -> run.Run:
        """A run whose request r arrives at second r, is first served after e2e/4, speaks after e2e/2, takes e2e."""
        count = len(e2e)
        arrival = np.arange(count, dtype=np.float64)
        times = np.array(e2e, np.float64)
        status = np.zeros(count, np.int64)
        status[list(failed)] = run.CLIENT_TIMEOUT
        finish = np.where(status == run.FINISHED, arrival + times, np.nan)
        ints = np.ones(count, np.int64)
        values: dict[str, Any] = {
            "arrival_s": arrival,
            "dispatch_s": arrival,
            "first_exec_s": arrival + times / 4,
            "first_token_s": arrival + times / 2,
            "finish_s": finish,
            "prompt_tokens": ints * 10,
            "output_tokens": ints * 100,
            "preemptions": ints * 0,
            "replica": ints * 0,
            "picker": ints * 0,
            "status": status,
            "cached_tokens": ints * 0,
            "ideal_s": np.full(count, 0.5),
            "itl_histogram": np.zeros(len(layout.ITL_EDGES_S) - 1),
            "makespan_s": 1000.0,
            "gpu_hours": 2.0,
            "iterations": 1,
            "policy_faults": 0,
            "kv_used_mean": 0.5,
            "busy_share": 1.0,
            "prefill_recomputed_tokens": 0,
            "timeline": None,
        }
        return run.Run(**(values | changes))

    def card(self, e2e: list[float], **changes: Any) -> score.Scorecard:
        """The card of such a run."""
        return score.card(self.run(e2e, **changes))


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()

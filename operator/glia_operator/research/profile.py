"""Profile of one run: where the time goes, and the bottlenecks by name, strongest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from glia_sim.engine import run as runs

    Floats = npt.NDArray[np.float64]

LITTLE_QUEUE = 0.05
"""Queueing below this share of the end-to-end time leaves nothing worth routing for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """One thing that costs time: its name, its strength from 0 to 1, and a sentence with numbers."""

    name: str
    strength: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Numbers of one run over its finished requests; times in seconds, shares from 0 to 1.

    Attributes:
        restarted_share: requests preempted at least once.
        restarted_e2e_s: mean end-to-end time of those; 0 where there are none.
        untouched_e2e_s: mean of the others.
        recomputed_share: tokens computed again after preemptions, per prompt token.
        imbalance: mean gap in KV use between the fullest and the emptiest replica.
        queue_share: queue time as a share of end-to-end time.
        short_queue_share: the same for the shorter half of the prompts.
        service_s: from the first step to the last token.
        ideal_s: end-to-end time alone on an idle replica.
        prefix_share: prompt tokens found in a prefix cache.
        length_correlation: of the logarithms of prompt and output length.
        bottlenecks: strongest first.
    """

    requests: int
    mean_e2e_s: float
    restarted_share: float
    restarted_e2e_s: float
    untouched_e2e_s: float
    recomputed_share: float
    imbalance: float
    kv_used: float
    busy: float
    queue_share: float
    short_queue_share: float
    queue_s: float
    service_s: float
    ideal_s: float
    prefix_share: float
    length_correlation: float
    bottlenecks: tuple[Bottleneck, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The profile in words, strongest bottleneck first."""
        return tuple(bottleneck.sentence for bottleneck in self.bottlenecks)


def profile(run: runs.Run) -> Profile:
    """Where the time of a run goes; its timeline, where there is one, shows the balance of memory."""
    done = np.flatnonzero(run.status == 0)
    e2e = (run.finish_s - run.arrival_s)[done]
    queue = (run.first_exec_s - run.arrival_s)[done]
    restarted = run.preemptions[done] > 0
    short = run.prompt_tokens[done] <= np.median(run.prompt_tokens[done]) if len(done) else restarted
    total = max(float(e2e.sum()), 1e-9)
    numbers = {
        "mean_e2e_s": _mean(e2e),
        "restarted_share": _mean(restarted),
        "restarted_e2e_s": _mean(e2e[restarted]),
        "untouched_e2e_s": _mean(e2e[~restarted]),
        "recomputed_share": run.prefill_recomputed_tokens / float(run.prompt_tokens.sum()),
        "imbalance": _imbalance(run),
        "kv_used": run.kv_used_mean,
        "busy": run.busy_share,
        "queue_share": float(queue.sum()) / total,
        "short_queue_share": float(queue[short].sum()) / max(float(e2e[short].sum()), 1e-9),
        "queue_s": _mean(queue),
        "service_s": _mean(e2e - queue),
        "ideal_s": _mean(run.ideal_s[done]),
        "prefix_share": float(run.cached_tokens.sum()) / float(run.prompt_tokens.sum()),
        "length_correlation": _correlation(run),
    }
    return Profile(requests=len(run.status), **numbers, bottlenecks=_bottlenecks(numbers))


def _mean(values: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def _imbalance(run: runs.Run) -> float:
    if run.timeline is None or len(run.timeline.time_s) == 0:
        return 0.0
    return float((run.timeline.kv_used.max(axis=1) - run.timeline.kv_used.min(axis=1)).mean())


def _correlation(run: runs.Run) -> float:
    prompt, output = np.log(run.prompt_tokens), np.log(run.output_tokens)
    if prompt.std() == 0.0 or output.std() == 0.0:
        return 0.0
    return float(np.corrcoef(prompt, output)[0, 1])


def _bottlenecks(n: dict[str, float]) -> tuple[Bottleneck, ...]:
    slow = max(n["service_s"] / max(n["ideal_s"], 1e-9) - 1.0, 0.0)
    found = (
        Bottleneck(
            name="memory",
            strength=min(1.0, n["restarted_share"] + max(n["kv_used"] - 0.5, 0.0)),
            sentence=f"Memory: {n['kv_used']:.0%} of the KV blocks are in use, {n['restarted_share']:.1%} of the "
            f"requests are restarted and take {n['restarted_e2e_s']:.1f} s against {n['untouched_e2e_s']:.1f} s; "
            f"restarts compute {n['recomputed_share']:.1%} of the prompt tokens once more; outputs cannot be foreseen "
            f"(correlation {n['length_correlation']:+.2f}).",
        ),
        Bottleneck(
            name="head-of-line",
            strength=n["short_queue_share"],
            sentence=f"Head-of-line blocking: a request waits {n['queue_s']:.1f} s before its first step and is "
            f"served in {n['service_s']:.1f} s; the shorter half of the prompts spends "
            f"{n['short_queue_share']:.0%} of its time waiting behind longer ones.",
        ),
        Bottleneck(
            name="imbalance",
            strength=n["imbalance"],
            sentence=f"Imbalance: the fullest replica's KV use is {n['imbalance']:.0%} of a cache above the "
            "emptiest's.",
        ),
        Bottleneck(
            name="interference",
            strength=min(1.0, slow / 4.0),
            sentence=f"Interference: once it runs a request takes {n['service_s']:.1f} s, alone it would take "
            f"{n['ideal_s']:.1f} s; the rest is prefills and decodes of others in the same steps.",
        ),
        Bottleneck(
            name="prefix",
            strength=n["prefix_share"],
            sentence=f"Prefixes: {n['prefix_share']:.0%} of the prompt tokens are found in a prefix cache.",
        ),
    )
    return tuple(sorted(found, key=lambda bottleneck: -bottleneck.strength))

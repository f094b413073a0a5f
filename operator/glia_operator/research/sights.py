"""What can be seen of a run, in words with numbers: its profile, its timeline, and where its time went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glia_operator.research import profile as profiles

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from glia_operator.research import team
    from glia_sim.engine import run as runs

    Floats = npt.NDArray[np.float64]

SLICES = 12
CLASSES = ((0.0, 0.5, "shorter half"), (0.5, 0.9, "50th to 90th percentile"), (0.9, 1.0, "longest tenth"))


def sight(kind: team.Sight, run: runs.Run) -> str:
    """One sight of a run, in lines of text."""
    return SIGHTS[kind](run)


def _profile(run: runs.Run) -> str:
    found = profiles.profile(run)
    head = (
        f"{found.requests} requests, mean end-to-end {found.mean_e2e_s:.2f} s: {found.queue_s:.2f} s until the first "
        f"step and {found.service_s:.2f} s from there on; alone on an idle replica {found.ideal_s:.2f} s. "
        f"A step was running in {found.busy:.0%} of the serving time."
    )
    return "\n".join([head, *found.sentences, *_failures(run)])


def _timeline(run: runs.Run) -> str:
    line = run.timeline
    if line is None or not len(line.time_s):
        return "This run has no timeline."
    edges = np.linspace(line.time_s[0], line.time_s[-1], SLICES + 1)
    place = np.clip(np.searchsorted(edges, line.time_s, side="right") - 1, 0, SLICES - 1)
    rows = [_slice(line, place == k, edges[k], edges[k + 1]) for k in range(SLICES) if np.any(place == k)]
    head = "Means of each slice; KV use is the share of the blocks, of all replicas and of the fullest one."
    return "\n".join([head, *rows, *_failures(run)])


def _slice(line: runs.Timeline, within: npt.NDArray[np.bool_], begin: float, end: float) -> str:
    kv = line.kv_used[within]
    return (
        f"{begin:.0f} to {end:.0f} s: KV use {kv.mean():.0%}, fullest {kv.max(axis=1).mean():.0%}; "
        f"held at the router {line.held[within].mean():.1f}, waiting at replicas "
        f"{line.waiting[within].sum(axis=1).mean():.1f}, running {line.running[within].sum(axis=1).mean():.1f} "
        f"on {line.serving[within].mean():.1f} replicas"
    )


def _breakdown(run: runs.Run) -> str:
    done = np.flatnonzero(run.status == 0)
    if not len(done):
        return "No request finished." + "".join(_failures(run))
    stages = _stages(run, done)
    head = (
        "Mean seconds of finished requests. Restarts: an estimate, the decode time of restarted requests beyond the "
        "pace per token of those that were not restarted."
    )
    rows = [f"all {len(done)} requests: {_means(stages, np.ones(len(done), np.bool_))}"]
    for what, sizes in (("prompt", run.prompt_tokens[done]), ("output", run.output_tokens[done])):
        rows += [
            f"{what} {name} ({sizes[within].min():.0f} to {sizes[within].max():.0f} tokens, {np.count_nonzero(within)} "
            f"requests): {_means(stages, within)}"
            for name, within in _classes(sizes)
        ]
    return "\n".join([head, *rows, *_failures(run)])


def _stages(run: runs.Run, done: npt.NDArray[np.int64]) -> dict[str, Floats]:
    """Seconds of each finished request in each stage; they add up to its end-to-end time."""
    decode = (run.finish_s - run.first_token_s)[done]
    later = np.maximum(run.output_tokens[done] - 1.0, 0.0)
    restarted = run.preemptions[done] > 0
    calm = later[~restarted].sum()
    pace = float(decode[~restarted].sum() / calm) if calm > 0 else 0.0
    lost = np.where(restarted, np.maximum(decode - pace * later, 0.0), 0.0) if calm > 0 else np.zeros(len(done))
    return {
        "router queue": (run.dispatch_s - run.arrival_s)[done],
        "replica queue": (run.first_exec_s - run.dispatch_s)[done],
        "prefill": (run.first_token_s - run.first_exec_s)[done],
        "decode": decode - lost,
        "restarts": lost,
    }


def _means(stages: dict[str, Floats], within: npt.NDArray[np.bool_]) -> str:
    means = {name: float(seconds[within].mean()) for name, seconds in stages.items()}
    return f"{sum(means.values()):.2f} = " + " + ".join(f"{name} {mean:.2f}" for name, mean in means.items())


def _classes(sizes: npt.NDArray[np.int64]) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """The classes of `CLASSES` that hold anyone; equal sizes stay in one class."""
    found = []
    for low, high, name in CLASSES:
        least = np.quantile(sizes, low) if low else -np.inf
        within = (sizes > least) & (sizes <= np.quantile(sizes, high))
        if within.any():
            found.append((name, within))
    return found


def _failures(run: runs.Run) -> list[str]:
    failed = int(np.count_nonzero(run.status != 0))
    return [f"{failed} of {len(run.status)} requests failed or did not finish; they count elsewhere."] if failed else []


SIGHTS: dict[team.Sight, Callable[[runs.Run], str]] = {
    "profile": _profile,
    "timeline": _timeline,
    "breakdown": _breakdown,
}

"""Replay of ground truth that vLLM's own scheduler wrote: every step and every request must come out the same."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glia_sim import faults, fleet, hardware
from glia_sim.engine import absent, build, layout, loop, world
from glia_sim.workload import readers

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Iterator

TOLERANCE_S = 1.000001e-6
"""One unit in the last printed digit."""
DEFAULTS: dict[str, Any] = {
    "trace": "T1",
    "num_blocks": 20000,
    "block_size": 16,
    "max_num_seqs": 128,
    "max_num_batched_tokens": 2048,
    "policy": "fcfs",
    "prefix_caching": False,
    "async_scheduling": False,
    "watermark": 0.0,
    "reserve_full_isl": True,
    "long_prefill_token_threshold": 0,
    "max_num_active_seqs": None,
    "max_model_len": 4096,
    "spf": False,
}
BASE_S, TOKEN_S, CONTEXT_S, IDLE_S = 0.012, 1e-4, 2e-7, 0.001
REQUEST_COLUMNS = {
    "first_sched_s": "first_sched",
    "first_exec_s": "first_exec",
    "first_token_s": "first_token",
    "finish_s": "finish",
    "preemptions": "preemptions",
    "prefix_cached_tokens": "cached",
    "resume_cached_tokens": "resume_cached",
}
PREEMPTION_COLUMNS = ("iter", "id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One configuration's outcome; `mismatch` is empty where all was exact."""

    name: str
    steps: int
    requests: int
    mismatch: str


def _fleet(settings: dict[str, Any]) -> fleet.Fleet:
    engine = fleet.Engine(
        num_blocks=settings["num_blocks"],
        block_size=settings["block_size"],
        max_num_seqs=settings["max_num_seqs"],
        max_num_batched_tokens=settings["max_num_batched_tokens"],
        scheduling_policy=settings["policy"],
        prefix_caching=settings["prefix_caching"],
        async_scheduling=settings["async_scheduling"],
        watermark=settings["watermark"],
        reserve_full_isl=settings["reserve_full_isl"],
        long_prefill_token_threshold=settings["long_prefill_token_threshold"],
        max_num_active_seqs=settings["max_num_active_seqs"],
        max_model_len=settings["max_model_len"],
    )
    nothing = hardware.StepTime(floor_tokens=0.0, base_ms=0.0, token_ms=0.0, kv_ms=0.0, attention_ms=0.0)
    group = fleet.Group(gpu="A10", model="oracle", tensor_parallel=1, count=1, engine=engine, step=nothing)
    return fleet.Fleet(name="oracle", groups=(group,))


def _replay(folder: pathlib.Path, settings: dict[str, Any], rows: int) -> world.World:
    shape = _fleet(settings)
    workload = readers.read(folder / "traces" / f"{settings['trace']}.csv")
    w = build.make_world(shape, workload, priority=False, log_rows=rows)
    w.rep["base_s"], w.rep["token_s"], w.rep["context_s"], w.rep["idle_s"] = BASE_S, TOKEN_S, CONTEXT_S, IDLE_S
    if settings["spf"]:
        w.rep["order"] = layout.BY_PROMPT
    c = build.make_control(shape, workload, None)
    loop.simulate(w, c, absent.evaluate, absent.score, absent.evaluate, absent.evaluate)
    return w


def _columns(path: pathlib.Path, needed: Iterable[str]) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    try:
        text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
        header, *rows = csv.reader(text.splitlines())
        values = np.array(rows, dtype=np.float64).reshape(-1, len(header))
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise faults.InputFault(f"{path}: not a readable table of numbers: {' '.join(str(error).split())}") from error
    missing = sorted(set(needed) - set(header))
    if missing:
        raise faults.InputFault(f"{path}: no column {missing[0]!r}; the header is {','.join(header)[:200]!r}")
    return {name: values[:, k] for k, name in enumerate(header)}


def _differs(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any], what: str, column: str) -> str:
    wrong = np.flatnonzero(~(np.abs(ours - theirs) <= TOLERANCE_S))
    if len(wrong) == 0:
        return ""
    k = int(wrong[0])
    return f"{what} {k}: {column} is {ours[k]:.6f}, vLLM has {theirs[k]:.6f} ({len(wrong)} differ)"


def _compare(w: world.World, out: pathlib.Path, steps: dict[str, Any]) -> str:
    ours = int(w.tally[world.LOGGED])
    theirs = len(steps["iter"])
    for k, column in enumerate(layout.STEP_COLUMNS):
        shared = min(ours, theirs)
        found = _differs(w.log[:shared, k], steps[column][:shared], "step", column)
        if found:
            return found
    if ours != theirs:
        return f"{ours} steps, vLLM has {theirs}"
    requests = _columns(out / "requests.csv", REQUEST_COLUMNS)
    if len(requests["finish_s"]) != len(w.req):
        return f"{len(w.req)} requests, vLLM has {len(requests['finish_s'])}"
    for column, field in REQUEST_COLUMNS.items():
        found = _differs(w.req[field].astype(np.float64), requests[column], "request", column)
        if found:
            return found
    return _compare_preemptions(w, _columns(out / "preemptions.csv", PREEMPTION_COLUMNS))


def _compare_preemptions(w: world.World, theirs: dict[str, Any]) -> str:
    count = int(w.tally[world.PREEMPTED])
    ours = w.preempted[:count]
    ours = ours[np.lexsort((ours[:, 1], ours[:, 0]))]
    if count != len(theirs["iter"]):
        return f"{count} preemptions, vLLM has {len(theirs['iter'])}"
    order = np.lexsort((theirs["id"], theirs["iter"]))
    for k, column in enumerate(PREEMPTION_COLUMNS):
        found = _differs(ours[:, k].astype(np.float64), theirs[column][order], "preemption", column)
        if found:
            return found
    return ""


def check(folder: pathlib.Path) -> Iterator[Result]:
    """Replay every configuration of a folder with `configs.json`, `traces/` and `out/NAME/`.

    Raises:
        InputFault: the folder or one of its files is not laid out so.
    """
    for name, overrides in _configurations(folder / "configs.json"):
        out = folder / "out" / name
        steps = _columns(out / "iters.csv.gz", ("iter", *layout.STEP_COLUMNS))
        preemptions = _columns(out / "preemptions.csv", PREEMPTION_COLUMNS)
        rows = max(len(steps["iter"]), len(preemptions["iter"])) + 1000
        w = _replay(folder, {**DEFAULTS, **overrides}, rows)
        yield Result(name=name, steps=len(steps["iter"]), requests=len(w.req), mismatch=_compare(w, out, steps))


def _configurations(path: pathlib.Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise faults.InputFault(f"{path}: {error}; expected a map of configurations") from error
    if not isinstance(found, dict) or not all(isinstance(overrides, dict) for overrides in found.values()):
        raise faults.InputFault(f"{path}: expected a map from names to settings, received {str(found)[:80]!r}")
    for name, overrides in found.items():
        unknown = sorted(set(overrides) - set(DEFAULTS))
        if unknown:
            raise faults.InputFault(f"{path}: {name}: unknown settings {unknown}; known are {sorted(DEFAULTS)}")
    return list(found.items())

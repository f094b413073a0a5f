"""The Researcher's analysis code over the requests of one run, in a sandbox.

The sandbox is Monty: an interpreter in a process of its own, without files, network, environment or packages, with
limits on time, memory and output, a clock that stands still and a seeded random generator: the same code over the same
requests gives the same text.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pydantic_monty

from glia_operator.research import acts, speech, team

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from glia_sim.engine import run as runs

MOST_REQUESTS = 20_000
MOST_CHARACTERS = 3_000
"""Characters of the answer; the rest is cut."""
MOST_SECONDS = 2.0
LIMITS = pydantic_monty.ResourceLimits(
    max_feed_duration_secs=MOST_SECONDS,
    max_memory=128 * 1024 * 1024,
    max_recursion_depth=200,
    max_suspensions=100,
)
POLICY = pydantic_monty.OSPolicy(
    datetime=dt.datetime(2000, 1, 1, tzinfo=dt.UTC), sleep="zero", random_start={"seed": 0}
)
PATIENCE_S = 10.0
"""Seconds after which a sandbox that keeps no limits is killed."""

Column = list[float | int | None]


def columns(run: runs.Run) -> dict[str, Column]:
    """What analysis code sees of a run: `acts.COLUMNS`, None where it never came to that.

    Of a run with more than `MOST_REQUESTS` requests, the first ones.
    """
    found: dict[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]] = {
        "arrival_s": run.arrival_s,
        "dispatch_s": run.dispatch_s,
        "first_exec_s": run.first_exec_s,
        "ttft_s": run.first_token_s - run.arrival_s,
        "e2e_s": np.where(run.status == 0, run.finish_s - run.arrival_s, np.nan),
        "ideal_s": run.ideal_s,
        "prompt_tokens": run.prompt_tokens,
        "output_tokens": run.output_tokens,
        "cached_tokens": run.cached_tokens,
        "preemptions": run.preemptions,
        "replica": run.replica,
        "failed": (run.status != 0).astype(np.int64),
    }
    return {name: _plain(found[name][:MOST_REQUESTS]) for name in acts.COLUMNS}


def run(code: str, columns: Mapping[str, Sequence[float | int | None]]) -> str:
    """What the code printed and its last value, or one sentence that says why there is none.

    Args:
        code: Python; `data` maps each column's name to its list.
        columns: as `columns` gives them.
    """
    if len(code) > team.LONGEST_TEXT:
        return f"The code has {len(code)} characters; at most {team.LONGEST_TEXT} are run."
    printed = pydantic_monty.CollectString(max_bytes=64 * 1024)
    try:
        with pydantic_monty.Monty(max_processes=1, request_timeout=PATIENCE_S) as pool:
            value = _fed(pool, code, {name: list(values) for name, values in columns.items()}, printed)
    except pydantic_monty.MontyError as fault:
        return _answer(printed.output, _sentence(fault))
    except Exception as fault:  # noqa: BLE001 - whatever a sandbox does to its host, the study goes on
        return _answer(printed.output, f"The sandbox failed: {type(fault).__name__}: {fault}")
    return _answer(printed.output, "" if value is None else f"Value: {value}")


def _fed(
    pool: pydantic_monty.Monty, code: str, data: dict[str, Column], printed: pydantic_monty.CollectString
) -> str | None:
    with pool.checkout(limits=LIMITS, os_policy=POLICY, script_name="analysis.py") as session:
        value = session.feed_run(code, inputs={"data": data}, print_callback=printed)
    return None if value is None else repr(value)


def _sentence(fault: pydantic_monty.MontyError) -> str:
    line = ""
    if isinstance(fault, pydantic_monty.MontySyntaxError | pydantic_monty.MontyRuntimeError):
        with contextlib.suppress(IndexError):
            line = f"line {fault.traceback()[-1].line}: "
        return f"The code failed: {line}{fault.display('type-msg')}"
    return f"The code failed: {line}{fault}"


def _answer(printed: str, last: str) -> str:
    text = speech.clean("\n".join(part for part in (printed.rstrip("\n"), last) if part))
    if not text:
        return "The code ran; it printed nothing and its last line has no value."
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}\n(cut: {len(text)} characters in all) {last[:200] if printed else ''}".rstrip()


def _plain(values: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> Column:
    plain: Column = values.tolist()
    return [None if isinstance(value, float) and value != value else value for value in plain]  # noqa: PLR0124 - NaN

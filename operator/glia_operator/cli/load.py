"""`glia load`: replay a trace against servers."""

from __future__ import annotations

import gc
import pathlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import uvloop

from glia_operator.cli import files, marks
from glia_operator.load import outcome, replay, routes, shots
from glia_operator.report import numbers
from glia_sim import faults
from glia_sim.workload import readers

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to send, where to, and what to write."""

    trace: str
    time_scale: float
    start: float
    limit: int | None
    targets: str
    router: str
    seed: int
    prompt: str
    model: str | None
    stream: bool
    timeout_s: float | None
    out: str | None
    tokens_out: str | None


def run(wish: Wish, *, as_json: bool) -> None:
    """Replay, write, and print what the clients saw."""
    router, form = _router(wish), _form(wish.prompt)
    out, tokens_out = _writable(wish.out), _writable(wish.tokens_out)
    workload = readers.read(wish.trace, time_scale=wish.time_scale, start=wish.start, limit=wish.limit)
    wanted = [
        shots.make(workload, number, form=form, model=wish.model, stream=wish.stream)
        for number in range(workload.requests)
    ]
    outcomes = uvloop.run(_replay(wanted, router, wish.timeout_s))
    if out is not None:
        files.write(out, outcome.table(outcomes))
    if tokens_out is not None:
        files.write(tokens_out, outcome.tokens(outcomes))
    found = outcome.summary(outcomes)
    sys.stdout.write(marks.dumps(found) + "\n" if as_json else _told(found))


async def _replay(
    wanted: Sequence[shots.Shot], router: routes.Router, timeout_s: float | None
) -> list[outcome.Outcome]:
    gc.collect()
    gc.freeze()  # bodies of a long trace are no work for the collector while times are taken
    return await replay.Replay(router, timeout_s=timeout_s).run(wanted)


def _router(wish: Wish) -> routes.Router:
    rules = {rule: rule for rule in routes.RULES}
    if wish.router not in rules:
        raise faults.InputFault(f"--router is {wish.router!r}; it must be one of {', '.join(rules)}")
    targets = tuple(target.strip().rstrip("/") for target in wish.targets.split(","))
    for target in targets:
        if not target.startswith(("http://", "https://")):
            raise faults.InputFault(f"--targets holds {target!r}; a target is a URL such as http://127.0.0.1:8000")
    return routes.Router(rule=rules[wish.router], targets=targets, seed=wish.seed)


def _form(text: str) -> shots.Form:
    forms: dict[str, shots.Form] = {form: form for form in get_args(shots.Form)}
    if text not in forms:
        raise faults.InputFault(f"--prompt is {text!r}; it must be one of {', '.join(forms)}")
    return forms[text]


def _writable(path: str | None) -> pathlib.Path | None:
    return None if path is None else files.writable(pathlib.Path(path))


def _told(found: dict[str, object]) -> str:
    failed = found["failed"]
    lines = [
        f"{found['requests']} requests sent, {found['finished']} finished, {found['received_tokens']} tokens received",
        f"failed: {failed}" if failed else "none failed",
        f"{'':12}{'mean':>10}{'p50':>10}{'p90':>10}{'p99':>10}{'max':>10}",
    ]
    for name in ("ttft_s", "e2e_s", "lateness_s"):
        values = found[name]
        if isinstance(values, dict):
            row = "".join(f"{'-' if value is None else numbers.short(value):>10}" for value in values.values())
            lines.append(f"{name.removesuffix('_s') + ' s':12}{row}")
    return "\n".join(lines) + "\n"

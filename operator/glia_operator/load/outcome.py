"""What a client saw of its request, and the table of all."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.load import shots

COLUMNS = (
    *("request", "target", "prompt_tokens", "output_tokens", "due_s", "sent_s", "first_token_s", "last_token_s"),
    *("finish_s", "received_tokens", "status", "error", "server_arrival_s"),
)
OK = 200


@dataclass(slots=True, kw_only=True)
class Outcome:
    """One request; seconds since the start of the replay, NaN where it never came to that.

    Attributes:
        sent_s: when the client began to send it.
        token_s: when each event with text came; without streaming, when the answer came.
        received_tokens: as the server counts them, 0 where it did not say.
        status: of HTTP, or of the error within the stream; 0 where no answer came.
        server_arrival_s: when it reached the engine on the server's clock, where the server says so.
    """

    shot: shots.Shot
    target: str
    sent_s: float = math.nan
    finish_s: float = math.nan
    token_s: list[float] = field(default_factory=list)
    received_tokens: int = 0
    status: int = 0
    error: str = ""
    server_arrival_s: float = math.nan

    @property
    def ok(self) -> bool:
        """Whether the whole answer came."""
        return self.status == OK and not self.error

    @property
    def first_token_s(self) -> float:
        """When the first token came."""
        return self.token_s[0] if self.token_s else math.nan

    @property
    def last_token_s(self) -> float:
        """When the last token came."""
        return self.token_s[-1] if self.token_s else math.nan


def table(outcomes: Sequence[Outcome]) -> str:
    """CSV with a row per request in the order of the trace; an empty cell is a time that never came."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(COLUMNS)
    for one in outcomes:
        out.writerow(
            (
                *(one.shot.number, one.target, one.shot.prompt_tokens, one.shot.output_tokens),
                *map(_time, (one.shot.due_s, one.sent_s, one.first_token_s, one.last_token_s, one.finish_s)),
                *(one.received_tokens, one.status, one.error, _time(one.server_arrival_s)),
            )
        )
    return text.getvalue()


def tokens(outcomes: Sequence[Outcome]) -> str:
    """CSV with a row per event of a stream: request, position from 0, seconds since the start."""
    rows = (
        f"{one.shot.number},{position},{_time(at)}\n" for one in outcomes for position, at in enumerate(one.token_s)
    )
    return "request,position,time_s\n" + "".join(rows)


def _time(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6f}"


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Counts, quantiles of what finished requests took, and how late the generator itself was."""
    finished = [one for one in outcomes if one.ok]
    failed: dict[str, int] = {}
    for one in outcomes:
        if not one.ok:
            name = str(one.status or one.error or "no answer")
            failed[name] = failed.get(name, 0) + 1
    return {
        "requests": len(outcomes),
        "finished": len(finished),
        "failed": failed,
        "received_tokens": sum(one.received_tokens for one in finished),
        "ttft_s": quantiles([one.first_token_s - one.sent_s for one in finished]),
        "e2e_s": quantiles([one.finish_s - one.sent_s for one in finished]),
        "lateness_s": quantiles([one.sent_s - one.shot.due_s for one in outcomes]),
    }


def quantiles(values: Sequence[float]) -> dict[str, float | None]:
    """Mean, p50, p90, p99 and the largest; None where there is nothing."""
    found = np.array([value for value in values if not math.isnan(value)])
    if len(found) == 0:
        return dict.fromkeys(("mean", "p50", "p90", "p99", "max"))
    marks = {f"p{share}": float(np.quantile(found, share / 100)) for share in (50, 90, 99)}
    return {"mean": float(found.mean()), **marks, "max": float(found.max())}

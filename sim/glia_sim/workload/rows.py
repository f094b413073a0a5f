"""What holds for the rows of every format, checked on whole columns; the first bad row is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glia_sim import faults

if TYPE_CHECKING:
    import numpy.typing as npt

    from glia_sim.workload import trace

MAX_TOKENS = 10_000_000
"""More than any model's context; catches a column read as something else."""
MAX_S = 10 * 366 * 86_400.0
"""Ten years; catches Unix times, which would leave the clock too coarse."""


def refuse(
    bad: npt.NDArray[np.bool_], place: str, lines: npt.NDArray[np.int64], reason: str, values: npt.ArrayLike
) -> None:
    """Raise for the first row marked bad, its value filled into `reason`'s {value}.

    Raises:
        InputFault: when any row is bad.
    """
    if bad.any():
        row = int(np.argmax(bad))
        value = np.asarray(values)[row].item()
        raise faults.InputFault(f"{place}, line {lines[row]}: {reason.format(value=value)}")


def check(workload: trace.Workload, lines: npt.NDArray[np.int64], names: tuple[str, str, str]) -> trace.Workload:
    """The workload itself, if its arrivals are sorted, not negative and not absurd, and every length is at least 1.

    Args:
        workload: as read.
        lines: line of each request in the file.
        names: what the file calls the arrival, the prompt tokens and the output tokens.

    Raises:
        InputFault: naming place, line, column, what was received and what would be right.
    """
    arrival, place = workload.arrival_s, workload.name
    refuse(
        arrival < 0, place, lines, f"{names[0]} is {{value}} s, before the trace begins; it must be 0 or more", arrival
    )
    refuse(
        arrival > MAX_S,
        place,
        lines,
        f"{names[0]} is {{value}} s, more than ten years into the trace; give seconds since the trace began",
        arrival,
    )
    later = np.concatenate((np.zeros(1, np.bool_), np.diff(arrival) < 0))
    refuse(later, place, lines, f"{names[0]} goes back to {{value}} s; rows must be sorted by arrival", arrival)
    for name, tokens in ((names[1], workload.prompt_tokens), (names[2], workload.output_tokens)):
        refuse(tokens < 1, place, lines, f"{name} is {{value}}; a request has at least 1 token there", tokens)
        refuse(tokens > MAX_TOKENS, place, lines, f"{name} is {{value}}, above the {MAX_TOKENS:,} allowed", tokens)
    return workload

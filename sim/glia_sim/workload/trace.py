"""A workload: when requests arrive, how long they are, and which prompts begin alike."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Seconds = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

WHOLE_PREFIX = 2**40
"""`chunk_tokens` of a workload whose requests name at most one prefix: longer than any prompt."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Workload:
    """Requests in order of arrival; all arrays are indexed by request, n long unless said otherwise.

    Prefix identity. Block i of b tokens of request r holds content that other requests may share exactly when
    (i + 1) * b <= shared_tokens[r]; it is then identified by i and by the id at position
    ((i + 1) * b - 1) // chunk_tokens of the request's chain, `chain_ids[chain_offsets[r]:chain_offsets[r + 1]]`.
    An id stands for its chunk and for everything before it. Every other block is the request's own.

    Attributes:
        name: where the requests come from, for messages.
        arrival_s: seconds on the trace's clock, not decreasing, the first >= 0.
        prompt_tokens: at least 1.
        output_tokens: at least 1; no policy ever sees them.
        priority: vLLM's key, lowest first; used where the fleet schedules by priority and no program sets it.
        chunk_tokens: tokens that one id of a chain stands for.
        chain_offsets: n + 1 positions in `chain_ids`.
        chain_ids: ids >= 0 of all chains, one after the other.
        shared_tokens: leading tokens of the prompt that the chain describes; 0 where a request shares nothing.
    """

    name: str
    arrival_s: Seconds
    prompt_tokens: Integers
    output_tokens: Integers
    priority: Integers
    chunk_tokens: int
    chain_offsets: Integers
    chain_ids: Integers
    shared_tokens: Integers

    @property
    def requests(self) -> int:
        """Number of requests."""
        return len(self.arrival_s)

    @property
    def duration_s(self) -> float:
        """Seconds from the first arrival to the last."""
        return float(self.arrival_s[-1] - self.arrival_s[0])

    @property
    def has_prefixes(self) -> bool:
        """Whether any prompt shares content with others."""
        return bool(np.any(self.shared_tokens > 0))

    @property
    def digest(self) -> str:
        """`sha256:...` of every number in the workload; the name does not count."""
        content = hashlib.sha256(str(self.chunk_tokens).encode())
        for column in (self.arrival_s, self.prompt_tokens, self.output_tokens, self.priority):
            content.update(np.ascontiguousarray(column).tobytes())
        for column in (self.chain_offsets, self.chain_ids, self.shared_tokens):
            content.update(np.ascontiguousarray(column).tobytes())
        return f"sha256:{content.hexdigest()}"

    def scaled(self, time_scale: float) -> Workload:
        """The same requests with every arrival time multiplied by `time_scale`: 2 halves the load."""
        return replace(self, arrival_s=self.arrival_s * time_scale)

    def limited(self, start: float, limit: int | None) -> Workload:
        """The first `limit` requests that arrive `start` seconds into the trace or later, `start` becoming second 0."""
        first = int(np.searchsorted(self.arrival_s, start, side="left"))
        last = self.requests if limit is None else min(self.requests, first + limit)
        rows = np.arange(first, last)
        return take(self, rows, arrival_s=self.arrival_s[first:last] - start)


def plain(name: str, arrival_s: Seconds, prompt_tokens: Integers, output_tokens: Integers) -> Workload:
    """Requests of one priority that share no prefixes."""
    nothing = np.zeros(len(arrival_s), np.int64)
    return grouped(name, arrival_s, prompt_tokens, output_tokens, nothing, nothing - 1, nothing)


def grouped(
    name: str,
    arrival_s: Seconds,
    prompt_tokens: Integers,
    output_tokens: Integers,
    priority: Integers,
    prefix_group: Integers,
    prefix_tokens: Integers,
) -> Workload:
    """Requests whose first `prefix_tokens` tokens are the same within a `prefix_group`; group -1 shares nothing."""
    sharing = (prefix_group >= 0) & (prefix_tokens > 0)
    return Workload(
        name=name,
        arrival_s=np.ascontiguousarray(arrival_s, np.float64),
        prompt_tokens=np.ascontiguousarray(prompt_tokens, np.int64),
        output_tokens=np.ascontiguousarray(output_tokens, np.int64),
        priority=np.ascontiguousarray(priority, np.int64),
        chunk_tokens=WHOLE_PREFIX,
        chain_offsets=offsets(sharing.astype(np.int64)),
        chain_ids=np.ascontiguousarray(prefix_group[sharing], np.int64),
        shared_tokens=np.where(sharing, prefix_tokens, 0).astype(np.int64),
    )


def offsets(lengths: Integers) -> Integers:
    """Positions at which chains of these lengths begin, and the end of the last: one longer than `lengths`."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)))


def take(workload: Workload, rows: Integers, *, arrival_s: Seconds) -> Workload:
    """The requests at `rows`, in that order and with their chains, arriving at `arrival_s`."""
    lengths = np.diff(workload.chain_offsets)[rows]
    begins = offsets(lengths)
    within = np.arange(begins[-1]) - np.repeat(begins[:-1], lengths)
    positions = np.repeat(workload.chain_offsets[rows], lengths) + within
    return replace(
        workload,
        arrival_s=np.ascontiguousarray(arrival_s, np.float64),
        prompt_tokens=workload.prompt_tokens[rows],
        output_tokens=workload.output_tokens[rows],
        priority=workload.priority[rows],
        chain_offsets=begins,
        chain_ids=workload.chain_ids[positions],
        shared_tokens=workload.shared_tokens[rows],
    )

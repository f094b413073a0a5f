"""From a workload to the bodies of its requests: prompts of exactly so many tokens that share what the trace says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from glia_sim.workload import trace

Form = Literal["ids", "text"]

VOCABULARY = 30_000
FIRST_ID = 100
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One request to send `due_s` seconds after the start."""

    number: int
    due_s: float
    prompt_tokens: int
    output_tokens: int
    body: bytes


def ids(workload: trace.Workload, number: int) -> npt.NDArray[np.int64]:
    """Token ids of a prompt; two prompts begin alike exactly as far as their chains say."""
    count = int(workload.prompt_tokens[number])
    position = np.arange(count)
    source = np.full(count, 2 * number + 1, np.uint64)
    shared = int(workload.shared_tokens[number])
    if shared > 0:
        first = int(workload.chain_offsets[number])
        chain = workload.chain_ids[first + position[:shared] // workload.chunk_tokens]
        source[:shared] = chain.astype(np.uint64) * np.uint64(2)
    mixed = _mix(_mix(source + _GOLDEN) + position.astype(np.uint64) * _GOLDEN)
    found: npt.NDArray[np.int64] = (mixed % np.uint64(VOCABULARY)).astype(np.int64) + FIRST_ID
    return found


def _mix(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    value = (value ^ (value >> _S30)) * _MIX1
    value = (value ^ (value >> _S27)) * _MIX2
    return value ^ (value >> _S31)


def text(tokens: npt.NDArray[np.int64]) -> str:
    """The tokens as words of four letters, a space before each."""
    digits = tokens[:, None] // 26 ** np.arange(3, -1, -1) % 26
    return "".join(" " + "".join(word) for word in LETTERS[digits])


def make(workload: trace.Workload, number: int, *, form: Form, model: str | None, stream: bool) -> Shot:
    """The request of a row of the workload."""
    tokens = ids(workload, number)
    output = int(workload.output_tokens[number])
    fields: dict[str, object] = {
        "prompt": tokens.tolist() if form == "ids" else text(tokens),
        "max_tokens": output,
        "ignore_eos": True,
        "stream": stream,
    }
    if stream:
        fields["stream_options"] = {"include_usage": True}
    if model is not None:
        fields["model"] = model
    if workload.priority[number]:
        fields["priority"] = int(workload.priority[number])
    return Shot(
        number=number,
        due_s=float(workload.arrival_s[number] - workload.arrival_s[0]),
        prompt_tokens=len(tokens),
        output_tokens=output,
        body=json.dumps(fields, separators=(",", ":")).encode(),
    )

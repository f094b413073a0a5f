"""The Mooncake traces: JSON lines of timestamp (ms), input_length, output_length, hash_ids."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np

from glia_sim import faults
from glia_sim.workload import rows, trace

CHUNK_TOKENS = 512
"""One hash id stands for so many tokens and for all before them; the last one for what is left of the prompt."""
FIELDS = ("timestamp", "input_length", "output_length", "hash_ids")
MAX_ID = 2**62
MAX_STAMP_MS = 1e15


def parse(text: str, place: str) -> trace.Workload:
    """The requests of a Mooncake trace; hash ids become prefix chains over the whole prompt.

    Raises:
        InputFault: naming the place, the line, what was received and what would be right.
    """
    records = [_record(row, f"{place}, line {line}") for line, row in enumerate(text.rstrip("\n").split("\n"), start=1)]
    lengths = np.array([(record["input_length"], record["output_length"]) for record in records], np.int64)
    chains = [record["hash_ids"] for record in records]
    workload = trace.Workload(
        name=place,
        arrival_s=np.array([record["timestamp"] for record in records], np.float64) / 1000.0,
        prompt_tokens=np.ascontiguousarray(lengths[:, 0]),
        output_tokens=np.ascontiguousarray(lengths[:, 1]),
        priority=np.zeros(len(records), np.int64),
        chunk_tokens=CHUNK_TOKENS,
        chain_offsets=trace.offsets(np.array([len(chain) for chain in chains], np.int64)),
        chain_ids=np.array(list(itertools.chain.from_iterable(chains)), np.int64),
        shared_tokens=np.ascontiguousarray(lengths[:, 0]),
    )
    return rows.check(workload, np.arange(1, len(records) + 1), FIELDS[:3])


def _record(row: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(row)
    except (ValueError, RecursionError) as error:
        raise faults.InputFault(f"{where}: {row[:60]!r} is not a JSON object: {error}") from None
    if not isinstance(record, dict):
        raise faults.InputFault(f"{where}: {row[:60]!r} is not a JSON object with {', '.join(FIELDS)}")
    missing = [name for name in FIELDS if name not in record]
    if missing:
        raise faults.InputFault(f"{where}: {missing[0]!r} is missing; a row has {', '.join(FIELDS)}")
    stamp = record["timestamp"]
    if type(stamp) not in (int, float) or not abs(stamp) <= MAX_STAMP_MS:
        raise faults.InputFault(f"{where}: timestamp is {stamp!r:.60}; it must be a finite number of milliseconds")
    for name in FIELDS[1:3]:
        tokens = record[name]
        if type(tokens) is not int or not 1 <= tokens <= rows.MAX_TOKENS:
            raise faults.InputFault(f"{where}: {name} is {tokens!r:.60}; it must be 1 to {rows.MAX_TOKENS:,} tokens")
    _check_chain(record["hash_ids"], record["input_length"], where)
    return record


def _check_chain(chain: object, prompt_tokens: int, where: str) -> None:
    if not isinstance(chain, list):
        raise faults.InputFault(f"{where}: hash_ids is {chain!r:.60}; it must be a list of integers")
    wanted = -(-prompt_tokens // CHUNK_TOKENS)
    if len(chain) != wanted:
        raise faults.InputFault(
            f"{where}: {len(chain)} hash_ids for {prompt_tokens} input tokens; "
            f"one for every {CHUNK_TOKENS} makes {wanted}"
        )
    for block in chain:
        if type(block) is not int or not 0 <= block < MAX_ID:
            raise faults.InputFault(f"{where}: hash_ids holds {block!r:.60}; an id is an integer, 0 or more")

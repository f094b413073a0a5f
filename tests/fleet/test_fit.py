"""A fleet that cannot hold one of the requests is refused before anything runs."""

from __future__ import annotations

import re

import numpy as np
import pytest

from glia_sim import faults, fleet, fleet_file
from glia_sim.workload import readers, trace

TEXT = """
groups:
  - {{gpu: H100, model: llama-3.1-8b, count: 1}}
  - {{gpu: A10, model: llama-3.1-8b, count: 1, engine: {{{engine}}}}}
"""


def requests(*lengths: tuple[int, int]) -> trace.Workload:
    prompt, output = np.array(lengths, np.int64).T
    return trace.plain("some trace", np.arange(len(lengths), dtype=np.float64), prompt, output)


def machines(engine: str) -> fleet.Fleet:
    return fleet_file.loads(TEXT.format(engine=engine), place="small")


def test_a_request_that_fills_the_cache_to_the_last_block_fits():
    fleet.check(machines("num_blocks: 101"), requests((1500, 100)))


def test_one_token_more_is_refused_by_row_group_and_need():
    words = (
        "some trace, request 2 of 3: 1500 prompt and 101 output tokens do not fit a replica of group 1 "
        "(A10, llama-3.1-8b) of fleet small: max_model_len is 1600; "
        "raise that limit or remove the requests above 1600 tokens"
    )
    with pytest.raises(faults.InputFault, match=f"^{re.escape(words)}$"):
        fleet.check(machines("num_blocks: 101"), requests((5, 5), (1500, 101), (9000, 9)))


def test_the_cache_is_named_where_it_is_the_tighter_limit():
    with pytest.raises(faults.InputFault, match="its 100 usable KV blocks of 16 tokens hold 1600"):
        fleet.check(machines("num_blocks: 101, max_model_len: 4096"), requests((1601, 1)))


def test_the_models_context_is_named_where_that_is():
    with pytest.raises(faults.InputFault, match="max_model_len is 512"):
        fleet.check(machines("max_model_len: 512"), requests((512, 1)))


def test_the_recorded_chat_fits_the_papers_fleet_and_long_documents_do_not(data_dir):
    paper = fleet_file.load("paper-a10x4")
    fleet.check(paper, readers.read(data_dir / "sharegpt_12.0.csv"))
    with pytest.raises(faults.InputFault, match="request 7 of 12031"):
        fleet.check(paper, readers.read(data_dir / "mooncake_conversation_trace.jsonl"))


def test_less_memory_means_fewer_blocks_rounded_down_in_every_group():
    whole = machines("num_blocks: 105")
    less = whole.with_kv(0.9)
    assert less.groups[1].engine.num_blocks == 94
    assert less.groups[0].engine.num_blocks == int(whole.groups[0].engine.num_blocks * 0.9)
    assert less.router == whole.router
    assert machines("num_blocks: 2").with_kv(0.1).groups[1].engine.num_blocks == 2

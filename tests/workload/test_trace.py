"""A workload is a value: its digest is its content, and cutting it keeps every row whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glia_sim.workload import trace


def chained(lengths: list[int]) -> trace.Workload:
    """A workload whose request r has chain r*100, r*100 + 1, ... of the given length."""
    count = len(lengths)
    base = trace.plain(
        "chained", np.arange(count, dtype=np.float64), np.full(count, 512 * 9), np.arange(1, count + 1, dtype=np.int64)
    )
    ids = [row * 100 + k for row, length in enumerate(lengths) for k in range(length)]
    return replace(
        base,
        chunk_tokens=512,
        chain_offsets=trace.offsets(np.array(lengths, np.int64)),
        chain_ids=np.array(ids, np.int64),
        shared_tokens=np.array(lengths, np.int64) * 512,
    )


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12).flatmap(
        lambda lengths: st.tuples(st.just(lengths), st.lists(st.integers(0, len(lengths) - 1), max_size=20))
    )
)
def test_taken_rows_bring_their_chains(drawn):
    lengths, rows = drawn
    workload = chained(lengths)
    taken = trace.take(workload, np.array(rows, np.int64), arrival_s=np.arange(len(rows), dtype=np.float64))
    assert taken.output_tokens.tolist() == [row + 1 for row in rows]
    for position, row in enumerate(rows):
        chain = taken.chain_ids[taken.chain_offsets[position] : taken.chain_offsets[position + 1]]
        assert chain.tolist() == [row * 100 + k for k in range(lengths[row])]


def test_the_digest_is_the_content_and_not_the_name():
    workload = chained([1, 0, 2])
    assert replace(workload, name="other").digest == workload.digest
    assert workload.digest.startswith("sha256:")


@pytest.mark.parametrize(
    "column", ["arrival_s", "prompt_tokens", "output_tokens", "priority", "chain_ids", "shared_tokens", "chain_offsets"]
)
def test_the_digest_sees_every_column(column):
    workload = chained([1, 0, 2])
    changed = getattr(workload, column).copy()
    changed[-1] += 1
    assert replace(workload, **{column: changed}).digest != workload.digest


def test_scaling_time_leaves_the_requests_alone():
    workload = chained([1, 0, 2])
    slow = workload.scaled(2.0)
    assert slow.duration_s == 2 * workload.duration_s
    assert slow.scaled(0.5).digest == workload.digest


def test_only_a_shared_prefix_counts_as_one():
    assert chained([1, 0]).has_prefixes
    assert not chained([0, 0]).has_prefixes
    zeros = np.zeros(2, np.int64)
    ones = zeros + 1
    grouped = trace.grouped("empty prefixes", np.zeros(2), ones, ones, zeros, ones, zeros)
    assert not grouped.has_prefixes
    assert not len(grouped.chain_ids)

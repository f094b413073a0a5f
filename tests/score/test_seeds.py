"""What a search has seen, no exam uses: the streams cannot meet."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glia_sim import seeds

POSITIONS = st.tuples(st.sampled_from(seeds.STREAMS), st.integers(0, seeds.MAX_ROOT - 1), st.integers(0, 2000))


@given(POSITIONS, POSITIONS)
def test_two_places_have_two_seeds(one, other):
    first, second = (seeds.stream(name, position + 1, root=root)[position] for name, root, position in (one, other))
    assert (first == second) == (one == other)


def test_streams_and_roots_are_disjoint():
    drawn = [set(seeds.stream(name, 5000, root=root)) for name in seeds.STREAMS for root in (0, 1, seeds.MAX_ROOT - 1)]
    assert all(not one & other for one, other in itertools.combinations(drawn, 2))


def test_the_last_seed_of_a_stream_stays_below_the_next_root():
    last = seeds.stream("training", 1, root=0)[0] + seeds.MAX_COUNT - 1
    assert last < seeds.stream("training", 1, root=1)[0]
    assert seeds.stream("heldout", 1, root=seeds.MAX_ROOT - 1)[0] + seeds.MAX_COUNT <= 2**63


def test_a_longer_draw_begins_like_a_shorter_one():
    assert seeds.stream("heldout", 30)[:20] == seeds.stream("heldout", 20)


def test_neighbouring_seeds_make_unrelated_generators():
    draws = [np.random.Generator(np.random.PCG64DXSM(seed)).random(1000) for seed in seeds.stream("training", 20)]
    correlations = np.corrcoef(draws)[np.triu_indices(20, 1)]
    assert abs(correlations).max() < 0.15


@pytest.mark.parametrize(("count", "root"), [(-1, 0), (2**32 + 1, 0), (1, -1), (1, 2**28)])
def test_what_would_leave_the_stream_is_a_programming_error(count, root):
    with pytest.raises(ValueError, match="must be 0 to"):
        seeds.stream("training", count, root=root)

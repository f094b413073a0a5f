"""What a search is spent on: the first part of a trace of one rate, the whole of a rate curve."""

from __future__ import annotations

import pytest

from glia_operator.research import effort
from glia_sim.workload import synthetic


def test_a_short_trace_is_searched_whole_with_every_seed_and_generation():
    short = synthetic.make("synthetic:paper?requests=4000")
    found = effort.affordable(short)
    assert found.workload.digest == short.digest
    assert (found.generations, found.seeds, found.of(30)) == (1.0, 1.0, 30)


def test_a_long_trace_of_one_rate_is_searched_on_its_first_part():
    long = synthetic.make("synthetic:chat-poisson?requests=40000")
    found = effort.affordable(long)
    assert found.workload.requests == 8000
    assert found.workload.arrival_s[0] == 0.0
    assert found.seeds == 1.0


def test_a_rate_curve_is_searched_whole_on_fewer_seeds():
    hour = synthetic.make("synthetic:variable-hour")
    found = effort.affordable(hour)
    assert found.workload.digest == hour.digest
    assert found.of(30) == 6
    assert found.of(1) == 1
    assert found.seeds * hour.requests * effort.REQUEST_COST == pytest.approx(effort.COST)


def test_where_a_constraint_has_to_hold_along_a_curve_twice_the_hours_are_searched():
    hour = synthetic.make("synthetic:variable-hour")
    free, bound = effort.affordable(hour), effort.affordable(hour, constrained=True)
    assert not free.careful
    assert bound.careful
    assert bound.seeds == pytest.approx(2 * free.seeds)
    steady = effort.affordable(synthetic.make("synthetic:paper?requests=4000"), constrained=True)
    assert (steady.generations, steady.seeds, steady.careful) == (1.0, 1.0, False)

"""Objectives and constraints are read from words, and what cannot be read is refused with what would be right."""

from __future__ import annotations

import pytest

from glia_sim import faults, goal


@pytest.mark.parametrize(
    ("text", "metric", "limit"),
    [
        ("p90 ttft < 1.5s", "charged.ttft.p90", 1.5),
        ("p90 ttft < 1500ms", "charged.ttft.p90", 1.5),
        ("p95 slowdown < 5", "charged.slowdown.p95", 5.0),
        ("mean e2e <= 2 min", "charged.e2e.mean", 120.0),
        ("  p99   queue<1e1 s ", "charged.queue.p99", 10.0),
        ("p50 e2e < .5s", "charged.e2e.p50", 0.5),
    ],
)
def test_a_constraint_is_read(text, metric, limit):
    read = goal.constraint(text)
    assert read.metric == metric
    assert read.limit == pytest.approx(limit)
    assert goal.constraint(str(read)) == read


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not 'STATISTIC MEASURE < LIMIT'"),
        ("ttft < 1s", "is not 'STATISTIC MEASURE < LIMIT'"),
        ("p90 ttft > 1s", "is not 'STATISTIC MEASURE < LIMIT'"),
        ("p91 ttft < 1s", "'p91' must be one of mean, p50"),
        ("p90 tfft < 1s", "'tfft' must be one of e2e, ttft, queue, slowdown"),
        ("p90 ttft < 1", "needs a unit, one of s, ms, min"),
        ("p90 ttft < 1 parsec", "needs a unit"),
        ("p95 slowdown < 5s", "a ratio, without the unit 's'"),
        ("p90 ttft < 1.2.3s", "'1.2.3' is not a number"),
        ("p90 ttft < -1s", "finite number above 0"),
        ("p90 ttft < 0s", "finite number above 0"),
        ("p95 slowdown < 1e999", "finite number above 0"),
    ],
)
def test_a_constraint_that_cannot_be_read_is_refused(text, words):
    with pytest.raises(faults.InputFault, match=words):
        goal.constraint(text)


def test_a_constraint_holds_below_its_limit_with_failed_requests_charged(make):
    constraint = goal.constraint("p50 e2e < 6s")
    assert constraint.holds(make.card([5.0, 5.0, 5.0]))
    assert not constraint.holds(make.card([6.0, 6.0, 6.0]))
    assert not constraint.holds(make.card([5.0, 5.0, 5.0], failed=(0, 1)))


@pytest.mark.parametrize(("name", "better"), [("mean-latency", 10.0), ("p95-latency", 10.0), ("throughput", 0.002)])
def test_an_objective_takes_its_value_from_the_card(make, name, better):
    assert goal.objective(name).value(make.card([10.0, 10.0])) == pytest.approx(better)


def test_gpu_hours_are_per_request_served(make):
    assert goal.objective("gpu-hours").value(make.card([10.0, 10.0], failed=(0,))) == 4.0


def test_an_improvement_is_positive_whichever_way_is_better():
    assert goal.objective("mean-latency").improvement(-0.2) == 0.2
    assert goal.objective("throughput").improvement(0.2) == 0.2


def test_an_unknown_objective_is_refused_with_the_known():
    with pytest.raises(faults.InputFault, match="mean-latency, p95-latency, gpu-hours, throughput"):
        goal.objective("latency")

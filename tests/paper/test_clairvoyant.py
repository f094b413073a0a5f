"""A schedule is followed to the letter, and the one that is found keeps the constraint for less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glia_sim import fleet_file, goal, score
from glia_sim.engine import run as runs
from glia_sim.policy import document
from glia_sim.workload import synthetic
from paper import clairvoyant, stack

SLOWDOWN = goal.constraint("p95 slowdown < 5")


@pytest.fixture(scope="module")
def machines():
    """The scaling fleet, four at the start."""
    fleet = fleet_file.load("a10-scaling")
    return replace(fleet, autoscaler=replace(fleet.autoscaler, initial=4))


@pytest.fixture(scope="module")
def swell():
    """Ten minutes whose rate rises and falls."""
    return synthetic.make("synthetic:variable-hour?requests=2400&rate=4&seed=3")


def test_replicas_follow_the_schedule_after_the_start_up(machines, swell):
    decisions = np.array([4.0] * 8 + [7.0] * 12 + [3.0])  # at 15 s, 30 s, ...
    run = runs.simulate(machines, swell, clairvoyant.scheduled(document.load("llq"), decisions), timeline_s=15.0)
    serving = dict(zip((run.timeline.time_s - swell.arrival_s[0]).round().tolist(), run.timeline.serving, strict=True))
    assert {serving[15.0 * k] for k in range(1, 14)} == {4.0}
    assert {serving[15.0 * k] for k in range(16, 21)} == {7.0}
    assert serving[330.0] == 3.0


def test_the_schedule_found_keeps_the_constraint_for_less_than_a_static_fleet(machines, swell):
    llq = document.load("llq")
    found = clairvoyant.best(machines, swell, llq, SLOWDOWN, seed=0)
    marks = score.pool([found.record])
    assert SLOWDOWN.holds(marks)
    static = {
        count: score.card(runs.simulate(machines, swell, clairvoyant.scheduled(llq, np.array([float(count)]))))
        for count in range(2, 8)
    }
    cheapest = min(card.gpu_hours for card in static.values() if SLOWDOWN.holds(card))
    assert marks.gpu_hours < cheapest


def test_a_part_taken_away_is_the_default_again_and_leaves_no_parameter_behind():
    aged, usual = document.load("hra-spf-aged"), stack.defaults()
    bare = stack.without(aged, "router", usual)
    assert bare.router == usual.router
    assert bare.parameters == {}
    assert stack.without(document.load("proportional"), "autoscaler", usual).autoscaler == usual.autoscaler

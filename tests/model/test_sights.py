"""Sights say where a run's time went, with numbers that add up."""

from __future__ import annotations

import dataclasses
import re
from typing import get_args

import numpy as np
import pytest

from glia_operator.research import profile, sights, team
from glia_sim import fleet_file
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers


@pytest.fixture(scope="module")
def played():
    """A run under memory pressure: some requests are restarted."""
    workload = readers.read("synthetic:paper?requests=400&rate=12&seed=4")
    return runs.simulate(_tight(), workload, programs.compile(document.load("llq")), timeline_s=1.0)


@pytest.fixture(scope="module")
def held():
    """A run whose router holds requests."""
    workload = readers.read("synthetic:paper?requests=400&rate=12&seed=4")
    return runs.simulate(_tight(), workload, programs.compile(document.load("hra-spf")))


def _tight():
    return fleet_file.load("paper-a10x4").with_kv(0.4)


def test_there_is_a_sight_for_every_kind(played):
    assert set(sights.SIGHTS) == set(get_args(team.Sight))
    assert all(sights.sight(kind, played) for kind in team.SIGHTS)


def test_the_profile_tells_every_bottleneck(played):
    told = sights.sight("profile", played)
    assert all(sentence in told for sentence in profile.profile(played).sentences)


def _rows(told):
    """Each row of a breakdown: its label, its total, and its stages."""
    rows = re.findall(r"^(.*?): ([\d.]+) = (.*)$", told, re.MULTILINE)
    return [(label, float(total), re.findall(r"([a-z ]+?) ([\d.]+)(?: \+ |$)", rest)) for label, total, rest in rows]


@pytest.mark.parametrize("which", ["played", "held"])
def test_the_stages_of_a_breakdown_add_up_to_the_end_to_end_time(which, request):
    run = request.getfixturevalue(which)
    rows = _rows(sights.sight("breakdown", run))
    assert len(rows) == 7
    done = run.status == 0
    assert rows[0][1] == pytest.approx((run.finish_s - run.arrival_s)[done].mean(), abs=0.01)
    for _, total, stages in rows:
        assert len(stages) == 5
        assert sum(float(seconds) for _, seconds in stages) == pytest.approx(total, abs=0.04)
        assert all(float(seconds) >= 0 for _, seconds in stages)


def test_waiting_is_charged_where_it_happens(played, held):
    routed, replicas = (dict(_rows(sights.sight("breakdown", run))[0][2]) for run in (held, played))
    assert float(routed["router queue"]) > 5 * float(replicas["router queue"])
    assert float(replicas["replica queue"]) > float(routed["replica queue"])


def test_only_restarted_requests_are_charged_for_restarts(played):
    assert played.preemptions.max() > 0
    assert float(dict(_rows(sights.sight("breakdown", played))[0][2])["restarts"]) > 0
    calm = dataclasses.replace(played, preemptions=np.zeros_like(played.preemptions))
    assert float(dict(_rows(sights.sight("breakdown", calm))[0][2])["restarts"]) == 0


def test_every_request_is_in_one_class_of_each_length(played):
    counts = [int(count) for count in re.findall(r"(\d+) requests\)", sights.sight("breakdown", played))]
    assert sum(counts[:3]) == sum(counts[3:]) == int((played.status == 0).sum())


def test_equal_lengths_are_one_class(played):
    same = dataclasses.replace(played, prompt_tokens=np.full_like(played.prompt_tokens, 100))
    assert sights.sight("breakdown", same).count("prompt ") == 1


def test_the_timeline_has_a_dozen_slices_with_the_means_of_the_run(played):
    lines = [line for line in sights.sight("timeline", played).splitlines() if " s: KV use" in line]
    assert len(lines) == sights.SLICES
    running = [float(re.search(r"running ([\d.]+)", line)[1]) for line in lines]
    assert np.mean(running) == pytest.approx(played.timeline.running.sum(axis=1).mean(), rel=0.1)


def test_a_run_without_a_timeline_says_so(held):
    assert sights.sight("timeline", held) == "This run has no timeline."


def test_failed_requests_are_told_and_left_out(played):
    status = np.where(np.arange(len(played.status)) < 10, runs.CLIENT_TIMEOUT, played.status)
    some = dataclasses.replace(played, status=status)
    assert "10 of 400 requests failed" in sights.sight("breakdown", some)
    none = dataclasses.replace(played, status=np.full_like(status, runs.CLIENT_TIMEOUT))
    assert sights.sight("breakdown", none).startswith("No request finished.")
    assert sights.sight("profile", none)

"""Calls are tried again where that helps, never too often, and never faster than agreed."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glia_operator.adapters import clock as clocks
from glia_operator.adapters import kube, kube_fake, patience

CALL = kube.Call(verb="list", kind=kube.OPTIMIZATIONS)


@pytest.fixture
def patient(cluster, clock):
    return patience.PatientKube(cluster, clock, lambda: 0.5)


def failing(cluster, *faults):
    left = list(faults)
    cluster.fault = lambda call: left.pop(0)(call) if left else None


async def answered(patient, clock, seconds):
    task = asyncio.create_task(patient.send(CALL))
    await clock.run_for(seconds)
    assert task.done()
    return await task


async def test_a_server_that_is_away_for_a_moment_is_asked_again(patient, cluster, clock):
    failing(cluster, *[lambda call: kube.Unavailable(call, "HTTP 503")] * 3)
    assert (await answered(patient, clock, 10))["items"] == []
    assert len(cluster.calls) == 4


async def test_after_four_tries_the_fault_is_handed_on(patient, cluster, clock):
    failing(cluster, *[lambda call: kube.Unavailable(call, "HTTP 503")] * 9)
    with pytest.raises(kube.Unavailable, match="list gliaoptimizations: HTTP 503"):
        await answered(patient, clock, 30)
    assert len(cluster.calls) == 4


async def test_a_busy_server_is_given_the_time_that_it_asks_for(patient, cluster, clock):
    failing(cluster, lambda call: kube.Busy(call, "HTTP 429", retry_after_s=7.0))
    task = asyncio.create_task(patient.send(CALL))
    await clock.run_for(6.9)
    assert not task.done()
    await clock.run_for(0.2)
    assert task.done()


@pytest.mark.parametrize("fault", [kube.Conflict, kube.NotFound, kube.Forbidden, kube.Invalid, kube.AlreadyExists])
async def test_what_would_fail_again_is_not_tried_again(patient, cluster, clock, fault):
    failing(cluster, lambda call: fault(call, "no"))
    with pytest.raises(fault):
        await answered(patient, clock, 1)
    assert len(cluster.calls) == 1


async def test_a_burst_is_followed_by_the_agreed_rate(patient, cluster, clock):
    tasks = [asyncio.create_task(patient.send(CALL)) for _ in range(200)]
    await clock.run_for(0)
    assert len(cluster.calls) == patience.BURST
    await clock.run_for(4)
    assert len(cluster.calls) <= patience.BURST + 4 * patience.RATE_PER_S + 1
    await clock.run_for(10)
    assert len(cluster.calls) == 200
    await asyncio.gather(*tasks)


@given(st.integers(1, 50), st.none() | st.floats(0, 1e6), st.floats(0, 1))
def test_no_pause_is_shorter_than_asked_nor_endless(attempt, asked_s, chance):
    pause_s = patience.pause_s(attempt, asked_s, chance)
    assert min(asked_s or 0.0, patience.LONGEST_ASKED_S) <= pause_s <= patience.LONGEST_ASKED_S


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (404, "NotFound", kube.NotFound),
        (409, "Conflict", kube.Conflict),
        (409, "AlreadyExists", kube.AlreadyExists),
        (422, "Invalid", kube.Invalid),
        (403, "Forbidden", kube.Forbidden),
        (429, "TooManyRequests", kube.Busy),
        (500, "InternalError", kube.Unavailable),
        (504, "", kube.Unavailable),
    ],
)
def test_faults_are_named_by_what_to_do_about_them(code, reason, kind):
    found = kube.fault(CALL, code, reason, "why")
    assert type(found) is kind
    assert str(found) == "list gliaoptimizations: why"


async def test_the_fake_answers_as_the_api_does():
    fake = kube_fake.FakeKube()
    made = await kube.create(fake, kube.CONFIG_MAPS, "team", {"metadata": {"name": "x"}, "data": {"a": "1", "b": "2"}})
    body = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {"b": None}}
    merged = await kube.merge(fake, kube.CONFIG_MAPS, "team", "x", body)
    assert merged["data"] == {"a": "1"}
    with pytest.raises(kube.Conflict):
        await kube.merge(fake, kube.CONFIG_MAPS, "team", "x", body)
    with pytest.raises(kube.AlreadyExists):
        await kube.create(fake, kube.CONFIG_MAPS, "team", {"metadata": {"name": "x"}})
    await kube.delete(fake, kube.CONFIG_MAPS, "team", "x", uid=made["metadata"]["uid"])
    await kube.delete(fake, kube.CONFIG_MAPS, "team", "x", uid=made["metadata"]["uid"])
    with pytest.raises(kube.NotFound):
        await kube.get(fake, kube.CONFIG_MAPS, "team", "x")


def test_the_clock_of_tests_wakes_sleepers_in_their_order():
    woken = []

    async def sleeper(clock, seconds):
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic()))

    async def scene():
        clock = clocks.VirtualClock()
        tasks = [asyncio.create_task(sleeper(clock, seconds)) for seconds in (3, 1, 2)]
        await clock.run_for(2.5)
        assert woken == [(1, 1), (2, 2)]
        await clock.run_for(1)
        await asyncio.gather(*tasks)

    asyncio.run(scene())


@pytest.mark.parametrize("fault", [kube.Conflict, kube.Forbidden, kube.Unavailable])
async def test_what_an_operator_cannot_begin_without_is_waited_for(patient, cluster, clock, fault):
    """Whatever the API says: a role may be bound, a definition made, a server come back."""
    failing(cluster, *[lambda call: fault(call, "no")] * 40)
    task = asyncio.create_task(patience.answered(lambda: patient.send(CALL), clock))
    await clock.run_for(20)
    assert not task.done()
    await clock.run_for(600)
    assert (await task)["items"] == []

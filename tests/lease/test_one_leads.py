"""At most one process leads, and when it goes another leads soon."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glia_operator.adapters import clock as clocks
from glia_operator.adapters import kube, kube_fake
from glia_operator.handlers import leadership
from glia_operator.handlers.decision import election

TERMS = election.Terms()


class Candidate:
    """One operator: leads, and knows since when and until when."""

    def __init__(self, cluster, clock, me, seed=0):
        self.me = me
        self.clock = clock
        self.leads = False
        self.led_at = []
        self.why = ""
        chance = random.Random(seed).random  # noqa: S311 - jitter
        self.seat = leadership.Leadership(
            cluster, namespace="glia-system", name="glia-operator", me=me, clock=clock, chance=chance
        )
        self.task = asyncio.create_task(self._run())

    async def _run(self):
        await self.seat.acquire()
        self.leads = True
        self.led_at.append(self.clock.monotonic())
        try:
            self.why = await self.seat.hold()
        finally:
            self.leads = False

    async def kill(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
def clock():
    return clocks.VirtualClock()


@pytest.fixture
def cluster():
    return kube_fake.FakeKube()


async def test_the_first_to_come_leads_and_the_second_waits(cluster, clock):
    one, two = Candidate(cluster, clock, "one"), None
    await clock.run_for(1)
    two = Candidate(cluster, clock, "two")
    await clock.run_for(120)
    assert (one.leads, two.leads) == (True, False)
    assert cluster.of(kube.LEASES)[0]["spec"]["leaseTransitions"] == 0
    for each in (one, two):
        await each.kill()


@pytest.mark.parametrize("seed", range(20))
async def test_after_a_sudden_death_another_leads_within_twenty_seconds(cluster, clock, seed):
    one = Candidate(cluster, clock, "one", seed)
    await clock.run_for(1)
    two = Candidate(cluster, clock, "two", seed + 100)
    await clock.run_for(40 + seed / 7)
    died = clock.monotonic()
    await one.kill()
    await clock.run_for(30)
    assert two.leads
    assert TERMS.duration_s - 3 < two.led_at[0] - died <= 19.0
    assert cluster.of(kube.LEASES)[0]["spec"]["leaseTransitions"] == 1
    await two.kill()


async def test_a_leader_that_goes_in_peace_is_followed_at_once(cluster, clock):
    one = Candidate(cluster, clock, "one")
    await clock.run_for(1)
    two = Candidate(cluster, clock, "two")
    await clock.run_for(10)
    await one.kill()
    await one.seat.release()
    left = clock.monotonic()
    await clock.run_for(5)
    assert two.leads
    assert two.led_at[0] - left <= TERMS.retry_s * (1 + leadership.JITTER) + 0.1
    await two.kill()


async def test_a_leader_cut_off_from_the_api_stops_before_another_may_lead(cluster, clock):
    one = Candidate(cluster, clock, "one")
    await clock.run_for(20)
    cluster.fault = lambda call: kube.Unavailable(call, "HTTP 500 down")
    cut = clock.monotonic()
    await clock.run_for(TERMS.duration_s - 0.5)
    assert not one.leads
    assert "could not be renewed" in one.why
    assert clock.monotonic() - cut < TERMS.duration_s


async def test_a_leader_whose_write_came_through_but_whose_answer_was_lost_leads_on(cluster, clock):
    one = Candidate(cluster, clock, "one")
    await clock.run_for(5)
    lose = iter([True, False] * 200)
    cluster.late_fault = lambda call: (
        kube.Unavailable(call, "no answer") if call.verb == "patch" and next(lose) else None
    )
    await clock.run_for(60)
    assert one.leads
    await one.kill()


@pytest.mark.parametrize("seed", range(8))
async def test_a_leader_whose_calls_fail_every_third_time_leads_on(cluster, clock, seed):
    """Renewing is what an operator must not miss: between two tries that failed it waits less."""
    chance = random.Random(seed)  # noqa: S311 - which calls fail
    one = Candidate(cluster, clock, "one", seed)
    await clock.run_for(5)
    kinds = [kube.Unavailable, kube.Busy, kube.Conflict]
    cluster.fault = lambda call: chance.choice(kinds)(call, "fault of the test") if chance.random() < 0.3 else None
    cluster.late_fault = lambda call: kube.Unavailable(call, "no answer") if chance.random() < 0.1 else None
    cluster.calls.clear()
    await clock.run_for(1800)
    assert one.leads, one.why
    assert len(cluster.calls) < 1800  # less than a call a second
    await one.kill()


async def test_a_leader_that_slept_through_its_lease_does_not_write_again(cluster, clock):
    one = Candidate(cluster, clock, "one")
    await clock.run_for(3)
    lease = cluster.of(kube.LEASES)[0]
    lease["spec"]["holderIdentity"] = "two"
    cluster.put(kube.LEASES, lease)
    version = cluster.of(kube.LEASES)[0]["metadata"]["resourceVersion"]
    await clock.run_for(5)
    assert not one.leads
    assert one.why == "the Lease is held by two"
    assert cluster.of(kube.LEASES)[0]["metadata"]["resourceVersion"] == version


@pytest.mark.parametrize("skew_s", [-86_400.0, -10.0, 10.0, 86_400.0])
async def test_a_wrong_clock_neither_steals_nor_blocks(cluster, clock, skew_s):
    one = Candidate(cluster, clock, "one")
    await clock.run_for(1)
    clock.skew_s = skew_s
    two = Candidate(cluster, clock, "two")
    await clock.run_for(60)
    assert one.leads
    assert not two.leads
    await one.kill()
    await clock.run_for(20)
    assert two.leads
    await two.kill()


@settings(max_examples=25, deadline=None)
@given(
    deaths=st.lists(st.tuples(st.floats(0.0, 40.0), st.integers(0, 2)), max_size=5),
    outages=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=4),
    seed=st.integers(0, 1000),
)
def test_whatever_dies_and_whatever_fails_two_never_lead(deaths, outages, seed):
    asyncio.run(_scenario(deaths, outages, seed))


async def _scenario(deaths, outages, seed):
    clock, cluster = clocks.VirtualClock(), kube_fake.FakeKube()
    count = 0

    def fault(call):
        nonlocal count
        count += 1
        down = any(start <= count < start + length for start, length in outages)
        return kube.Unavailable(call, "HTTP 503") if down else None

    cluster.fault = fault
    everyone = [Candidate(cluster, clock, f"c{k}", seed + k) for k in range(3)]

    async def watched(seconds):
        for _ in range(int(seconds * 2)):
            await clock.run_for(0.5)
            assert sum(each.leads for each in everyone) <= 1

    for after, who in deaths:
        await watched(after)
        await everyone[who].kill()
        everyone[who] = Candidate(cluster, clock, f"c{who}-{after}", seed + who)
    await watched(120)
    for each in everyone:
        await each.kill()


def test_a_lease_with_missing_fields_is_free():
    held = election.read({"metadata": {"resourceVersion": "1"}}, TERMS)
    assert election.step(election.look(None, held, 0.0), "me", 0.0)[0] is election.Step.TAKE

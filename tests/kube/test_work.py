"""The queue gives each key to one hand at a time, and forgets none."""

from __future__ import annotations

import asyncio

import pytest

from glia_operator.handlers import store as stores
from glia_operator.handlers import work as queues

A, B = stores.Key("team", "a"), stores.Key("team", "b")


@pytest.fixture
def work(clock):
    return queues.Work(clock, lambda: 0.5)


async def taken(work, clock, seconds=0.0):
    """The key that is taken within so many seconds, or None."""
    task = asyncio.create_task(work.take())
    await clock.run_for(seconds)
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None


async def test_a_key_added_twice_is_taken_once(work, clock):
    work.add(A)
    work.add(A)
    assert await taken(work, clock) == A
    assert await taken(work, clock) is None


async def test_a_key_in_hand_waits_until_it_is_put_back_and_is_not_lost(work, clock):
    work.add(A)
    assert await taken(work, clock) == A
    work.add(A)
    assert await taken(work, clock) is None
    work.done(A, None)
    assert await taken(work, clock) == A


async def test_keys_are_taken_in_the_order_in_which_they_came(work, clock):
    work.add(B)
    work.add(A)
    assert [await taken(work, clock), await taken(work, clock)] == [B, A]


async def test_a_key_comes_again_when_it_is_due_and_not_before(work, clock):
    work.add(A)
    await taken(work, clock)
    work.done(A, 10.0)
    assert await taken(work, clock, 9.0) is None
    assert await taken(work, clock, 2.0) == A


async def test_the_earlier_of_two_dates_counts(work, clock):
    work.add_later(A, 10.0)
    work.add_later(A, 3.0)
    work.add_later(A, 20.0)
    assert await taken(work, clock, 4.0) == A
    work.done(A, None)
    assert await taken(work, clock, 60.0) is None


async def test_failures_rest_longer_and_longer_up_to_five_minutes(work, clock):
    rests = []
    for _ in range(14):
        work.add(A)
        await taken(work, clock)
        rests.append(work.failed(A))
    assert rests[:4] == [0.5, 1.0, 2.0, 4.0]
    assert rests[-1] == 300.0
    work.add(A)
    await taken(work, clock)
    work.done(A, None)
    work.add(A)
    await taken(work, clock)
    assert work.failed(A) == 0.5


async def test_news_during_a_failed_look_does_not_break_the_rest(work, clock):
    work.add(A)
    await taken(work, clock)
    work.add(A)
    work.failed(A)
    assert await taken(work, clock, 0.2) is None
    assert await taken(work, clock, 1.0) == A

"""What the engine does between two looks of the event loop at its sockets."""

from __future__ import annotations

import asyncio
import itertools
import json

from emulator import accuracy
from glia_operator.emulator import driver, intake

REQUESTS, TOKENS = 20, 4


def _opened(settings, told):
    """A driver with requests in flight; `told` gets the number and the tokens of whoever hears."""
    drive = driver.Driver(settings, loop=asyncio.get_running_loop(), created=0.0)
    body = json.dumps({"prompt": [1, 2, 3], "max_tokens": TOKENS, "ignore_eos": True, "stream": True}).encode()
    sessions = [drive.open(intake.read(body, "completion", f"cmpl-{k}", settings)) for k in range(REQUESTS)]
    for one in sessions:
        one.heard = lambda one=one: told.append((one.number, one.delivered))
    return drive, sessions


async def _heard(settings):
    """Who heard of which token, in order; None wherever the event loop could have looked after an arrival."""
    told = []
    drive, _ = _opened(settings, told)
    while drive.core.live or drive.core.unheard:
        told.append(None)
        await asyncio.sleep(0)
    return told


def test_arrivals_come_in_between_the_tokens_of_a_step():
    told = asyncio.run(_heard(accuracy.calm()))
    rows = [list(group) for token, group in itertools.groupby(told, key=lambda one: one is not None) if token]
    between = [len(row) for row in rows if all(1 < delivered < TOKENS for _, delivered in row)]
    assert sum(between) > REQUESTS / 2
    assert max(between) <= driver.USHERED


def test_each_token_is_told_once_and_the_first_and_last_at_once():
    told = asyncio.run(_heard(accuracy.calm()))
    tokens = [one for one in told if one is not None]
    assert len(tokens) == len(set(tokens))
    for edge in (1, TOKENS):
        # The first request's step has begun when the others come; theirs are one step.
        at = [k for k, one in enumerate(told) if one is not None and one[0] > 0 and one[1] == edge]
        assert at == list(range(at[0], at[0] + REQUESTS - 1))


async def _left(settings):
    """Everybody's client goes away while tokens are still to be told: how many were, and who hears after that."""
    told = []
    drive, sessions = _opened(settings, told)
    while not drive.core.unheard:
        told.append(None)
        await asyncio.sleep(0)
    waiting = len(drive.core.unheard)
    for one in sessions:
        drive.close(one)
    told.clear()
    for _ in range(REQUESTS):
        await asyncio.sleep(0)
    return waiting, told


def test_whoever_has_gone_away_hears_no_more():
    waiting, told = asyncio.run(_left(accuracy.calm()))
    assert waiting > 0
    assert told == []

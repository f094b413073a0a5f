"""Sends requests when they are due, whatever has become of the ones before, and notes what comes back."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import aiohttp

from glia_operator.load import outcome, routes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.load import shots

PATH = "/v1/completions"
ARRIVAL = "X-Emulator-Arrival-S"
LEAD_S = 0.2
"""The first request is sent so long after the start, when all is set up."""
_DATA, _DONE, _TEXT = b"data: ", b"[DONE]", b'"text":'
_EXCERPT = 200


class Replay:
    """One replay of a list of requests."""

    def __init__(self, router: routes.Router, *, timeout_s: float | None) -> None:
        self._router = router
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._loop = asyncio.get_running_loop()
        self._began_s = 0.0

    async def run(self, wanted: Sequence[shots.Shot]) -> list[outcome.Outcome]:
        """Send all, wait for all; outcomes in the order of `wanted`."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=self._timeout) as session:
            self._began_s = self._loop.time() + LEAD_S
            async with asyncio.TaskGroup() as group:
                tasks = []
                for shot in wanted:
                    await asyncio.sleep(self._began_s + shot.due_s - self._loop.time())
                    tasks.append(group.create_task(self._send(session, shot)))
        return [task.result() for task in tasks]

    def _now(self) -> float:
        return self._loop.time() - self._began_s

    async def _send(self, session: aiohttp.ClientSession, shot: shots.Shot) -> outcome.Outcome:
        target = self._router.choose()
        self._router.in_flight[target] += 1
        found = outcome.Outcome(shot=shot, target=self._router.targets[target], sent_s=self._now())
        try:
            headers = {"Content-Type": "application/json"}
            async with session.post(found.target + PATH, data=shot.body, headers=headers) as answer:
                found.status = answer.status
                found.server_arrival_s = float(answer.headers.get(ARRIVAL, "nan"))
                await self._read(answer, found)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            found.error = type(error).__name__
        finally:
            self._router.in_flight[target] -= 1
        found.finish_s = self._now()
        return found

    async def _read(self, answer: aiohttp.ClientResponse, found: outcome.Outcome) -> None:
        if answer.status != outcome.OK:
            found.error = (await answer.text())[:_EXCERPT]
        elif answer.content_type == "text/event-stream":
            await self._read_stream(answer, found)
        else:
            body = await answer.json()
            found.token_s.append(self._now())
            found.received_tokens = body["usage"]["completion_tokens"]

    async def _read_stream(self, answer: aiohttp.ClientResponse, found: outcome.Outcome) -> None:
        """Note the time of each event with text; only the last ones are parsed."""
        rest = b""
        ended = False
        async for chunk in answer.content.iter_any():
            now_s = self._now()
            *events, rest = (rest + chunk).split(b"\n\n")
            for event in events:
                content = event.removeprefix(_DATA)
                ended |= content == _DONE
                if _TEXT in content:
                    found.token_s.append(now_s)
                elif content != _DONE:
                    _note(json.loads(content), found)
        if not ended:
            found.error = "the stream broke off"


def _note(content: dict[str, dict[str, object]], found: outcome.Outcome) -> None:
    """Take in an event without text: the usage, or an error."""
    if "error" in content:
        found.status = int(str(content["error"].get("code", 500)))
        found.error = str(content["error"].get("message", ""))[:_EXCERPT]
    elif "usage" in content:
        found.received_tokens = int(str(content["usage"]["completion_tokens"]))

"""Emulated servers in this process, on free ports of the loopback, with steps of a few milliseconds."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import aiohttp
import pytest

from glia_operator.emulator import core, intake, launch, settings

QUICK = """
served_model_name: tiny
replica:
  gpu: A10
  model: llama-3-8b
  engine: {num_blocks: 200, max_num_seqs: 8, max_model_len: 1000, async_scheduling: false}
  step: {floor_tokens: 0, base_ms: 5, token_ms: 0, kv_ms: 0, attention_ms: 0}
outputs: {median: 20, sigma: 0.5, highest: 60}
shutdown_grace_s: 5
faults: {endpoint: true}
"""


@pytest.fixture
def configure():
    """Makes settings: the quick ones, with engine settings and others changed."""

    def make(*, engine=None, **changes):
        found = settings.loads(QUICK, place="quick")
        group = dataclasses.replace(found.group, engine=dataclasses.replace(found.engine, **(engine or {})))
        return dataclasses.replace(found, group=group, **changes)

    return make


@pytest.fixture
def virtual(compiled):
    """Makes a core without wires, and a function that asks it for a completion."""

    def make(configured):
        made = core.Core(configured, created=0.0)

        def ask(t, *, prompt_tokens=10, max_tokens=5, first=0, **fields):
            body = {
                "prompt": list(range(first, first + prompt_tokens)),
                "max_tokens": max_tokens,
                "ignore_eos": True,
                **fields,
            }
            return made.open(t, intake.read(json.dumps(body).encode(), "completion", f"r{t}", configured))

        return made, ask

    return make


class Client:
    """One client of one server."""

    def __init__(self, session, launched):
        self.session = session
        self.launched = launched
        self.core = launched.driver.core
        self.url = f"http://{launched.at}"

    async def get(self, path, **options):
        async with self.session.get(self.url + path, **options) as answer:
            return answer.status, await answer.text()

    async def post(self, path, fields, **options):
        """Status and JSON."""
        data = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        async with self.session.post(self.url + path, data=data, **options) as answer:
            return answer.status, await answer.json()

    async def complete(self, **fields):
        return await self.post("/v1/completions", {"prompt": "hello there", "max_tokens": 3, **fields})

    async def events(self, path, fields):
        """Status and the data of each server-sent event."""
        async with self.session.post(self.url + path, json={**fields, "stream": True}) as answer:
            text = (await answer.read()).decode()
        assert text.endswith("\n\n")
        assert all(event.startswith("data: ") for event in text.removesuffix("\n\n").split("\n\n"))
        return answer.status, [event.removeprefix("data: ") for event in text.removesuffix("\n\n").split("\n\n")]

    async def inflict(self, kind, **fields):
        status, _ = await self.post("/emulator/faults", {"kind": kind, **fields})
        assert status == 200

    async def clear(self):
        async with self.session.delete(self.url + "/emulator/faults") as answer:
            assert answer.status == 200

    async def busy(self):
        """Whether the engine holds a request."""
        return self.core.live > 0

    async def value(self, sample):
        """A sample of /metrics, by its name and the labels that it has beside engine and model."""
        _, text = await self.get("/metrics")
        name, _, labels = sample.partition("{")
        for line in text.splitlines():
            if line.startswith(name + "{") and labels.rstrip("}") in line:
                return float(line.rpartition(" ")[2])
        raise AssertionError(sample)


@pytest.fixture
async def serve(compiled):
    """Starts servers and gives clients; both end with the test."""
    started = []
    async with aiohttp.ClientSession() as session:

        async def start(configured):
            launched = launch.Launched(configured, launch.Address(host="127.0.0.1", port=0))
            await launched.start()
            started.append(launched)
            return Client(session, launched)

        yield start
    for launched in started:
        launched.driver.clear()
        await launched.stop()


@pytest.fixture
def until():
    """Waits, ten seconds at most, for a coroutine function to say yes."""

    async def wait(condition):
        async with asyncio.timeout(10.0):
            while not await condition():  # noqa: ASYNC110 - a server has no event for us
                await asyncio.sleep(0.005)

    return wait

"""Faults on request happen, last as long as asked, and end."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from glia_operator.emulator import clock, launch, schema, trouble


async def test_a_slow_start_answers_503_until_it_is_over(configure, serve, until):
    slow = schema.FaultSection(kind="slow-start", for_s=0.3)
    client = await serve(configure(faults_at_start=(slow,)))
    assert (await client.get("/health"))[0] == 503
    assert (await client.complete())[0] == 503
    assert (await client.get("/metrics"))[0] == 503

    async def healthy():
        return (await client.get("/health"))[0] == 200

    await until(healthy)
    assert (await client.complete())[0] == 200


async def test_a_stuck_step_hangs_requests_until_it_is_cleared(configure, serve):
    client = await serve(configure())
    await client.inflict("stuck")
    task = asyncio.create_task(client.complete())
    done, _ = await asyncio.wait([task], timeout=0.2)
    assert not done
    assert (await client.get("/health"))[0] == 200
    assert await client.value("vllm:generation_tokens_total") == 0.0
    await client.clear()
    assert (await task)[0] == 200
    assert client.core.page.histogram("vllm:e2e_request_latency_seconds").total == pytest.approx(0.015, abs=1e-6)


async def test_a_step_can_be_stuck_for_a_while(configure, serve):
    client = await serve(configure())
    await client.inflict("stuck", for_s=0.2)
    began = client.launched.driver.now_s
    assert (await client.complete())[0] == 200
    assert client.launched.driver.now_s - began > 0.2


async def test_a_queue_can_look_full(configure, serve):
    client = await serve(configure())
    await client.inflict("full-queue")
    assert (await client.complete())[0] == 503
    status, events = await client.events("/v1/completions", {"prompt": "hi"})
    assert (status, json.loads(events[0])["error"]["code"]) == (200, 503)
    await client.clear()
    assert (await client.complete())[0] == 200


async def test_frozen_metrics_stay_as_they_are(configure, serve):
    client = await serve(configure())
    await client.inflict("frozen-metrics")
    before = await client.get("/metrics")
    await client.complete()
    assert await client.get("/metrics") == before
    await client.clear()
    assert await client.value("vllm:generation_tokens_total") == 3.0


async def test_refused_connections_come_back(configure, serve):
    client = await serve(configure())
    await client.inflict("refuse", for_s=0.4)
    await asyncio.sleep(0.1)
    async with aiohttp.ClientSession() as fresh:
        with pytest.raises(aiohttp.ClientConnectorError):
            await fresh.get(client.url + "/health")
        await asyncio.sleep(0.5)
        async with fresh.get(client.url + "/health") as answer:
            assert answer.status == 200


async def test_a_stalled_server_answers_nothing_and_then_all_at_once(configure, serve):
    client = await serve(configure())
    task = asyncio.create_task(client.complete(max_tokens=20, ignore_eos=True))
    await asyncio.sleep(0.02)
    await client.inflict("stall", for_s=0.4)
    began = client.launched.driver.now_s
    assert (await client.get("/health"))[0] == 200
    assert client.launched.driver.now_s - began > 0.35
    await task
    assert client.core.page.histogram("vllm:e2e_request_latency_seconds").total == pytest.approx(0.1, abs=1e-6)


async def test_a_crash_ends_the_process_with_its_code(configure, serve, monkeypatch):
    codes = []
    monkeypatch.setattr("os._exit", codes.append)
    client = await serve(configure())
    await client.inflict("crash", exit_code=7, after_s=0.05)
    assert codes == []
    await asyncio.sleep(0.2)
    assert codes == [7]


async def test_a_fault_can_wait_and_can_be_called_off(configure, serve):
    client = await serve(configure())
    await client.inflict("full-queue", after_s=0.3)
    assert (await client.complete())[0] == 200
    _, text = await client.get("/emulator/faults")
    fault = json.loads(text)["faults"][0]
    assert (fault["kind"], fault["on"]) == ("full-queue", False)
    await client.clear()
    await asyncio.sleep(0.4)
    assert (await client.complete())[0] == 200
    assert json.loads((await client.get("/emulator/faults"))[1]) == {"faults": []}


@pytest.mark.parametrize(
    "body", [b"{", {"kind": "meteor"}, {"kind": "refuse"}, {"kind": "stall"}, {"kind": "stuck", "for_s": -1}]
)
async def test_a_senseless_fault_is_refused(configure, serve, body):
    client = await serve(configure())
    status, answer = await client.post("/emulator/faults", body)
    assert status == 400
    assert "docs/emulator.md" in answer["error"]["message"]


async def test_nobody_can_break_a_server_that_does_not_allow_it(configure, serve):
    client = await serve(configure(fault_endpoint=False))
    assert (await client.post("/emulator/faults", {"kind": "crash"}))[0] == 404


async def test_stopping_lets_what_is_in_flight_end(configure, until, compiled):
    launched = launch.Launched(configure(), launch.Address(host="127.0.0.1", port=0))
    await launched.start()
    async with aiohttp.ClientSession() as session:
        body = {"prompt": "hi", "max_tokens": 40, "ignore_eos": True}
        task = asyncio.create_task(session.post(f"http://{launched.at}/v1/completions", json=body))

        async def busy():
            return launched.driver.core.live > 0

        await until(busy)
        stopping = asyncio.create_task(launched.stop())
        answer = await task
        assert (await answer.json())["usage"]["completion_tokens"] == 40
        await stopping
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://{launched.at}/health")


def test_a_clock_runs_faster_stands_and_goes_on():
    made = clock.Clock(100.0, speed=2.0)
    assert made.now(103.0) == 6.0
    assert made.wall(6.0) == 103.0
    made.stop(103.0)
    assert made.now(110.0) == 6.0
    assert made.wall(7.0) == float("inf")
    made.go(110.0)
    assert made.now(111.0) == 8.0


def test_troubles_of_one_kind_are_cleared_alone():
    known = trouble.Troubles()
    for kind in ("stuck", "full-queue"):
        known.add(trouble.make(schema.FaultSection(kind=kind, for_s=5.0), 10.0))
    known.clear("stuck")
    assert not known.on("stuck", 12.0)
    assert known.on("full-queue", 12.0)
    assert known.ends("full-queue", 12.0) == 15.0
    assert not known.on("full-queue", 15.0)

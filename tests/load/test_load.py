"""The load generator sends what the trace says when it says so, and records what came back."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import math

import numpy as np
import pytest
from aiohttp import web

from glia_operator.load import outcome, replay, routes, shots
from glia_sim.workload import trace


def _workload(arrivals, *, prompt=20, output=4, group=None, shared=0):
    n = len(arrivals)
    return trace.grouped(
        "test",
        np.asarray(arrivals, float),
        np.full(n, prompt),
        np.full(n, output),
        np.zeros(n, np.int64),
        np.full(n, -1) if group is None else np.asarray(group),
        np.full(n, shared),
    )


def _shots(workload, **options):
    given = {"form": "ids", "model": None, "stream": True, **options}
    return [shots.make(workload, k, **given) for k in range(workload.requests)]


class Server:
    """A server of canned answers on a free port."""

    def __init__(self, answer):
        self.answer = answer
        self.seen = []
        self.url = ""

    async def handle(self, asked):
        self.seen.append(await asked.json())
        return await self.answer(asked)

    async def __aenter__(self):
        app = web.Application()
        app.router.add_post("/v1/completions", self.handle)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_):
        await self.runner.cleanup()


async def _streamed(asked, *, pause_s=0.03, tokens=3, end="data: [DONE]\n\n", hold_s=0.0):
    await asyncio.sleep(hold_s)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Emulator-Arrival-S": "1.5"})
    await response.prepare(asked)
    for _ in range(tokens):
        await asyncio.sleep(pause_s)
        await response.write(b'data: {"choices":[{"text":" a"}]}\n\n')
    usage = json.dumps({"choices": [], "usage": {"completion_tokens": tokens}})
    await response.write(f"data: {usage}\n\n{end}".encode())
    return response


async def _run(answer, wanted, *, rule="rr", timeout_s=None):
    async with Server(answer) as server:
        router = routes.Router(rule=rule, targets=(server.url,))
        return await replay.Replay(router, timeout_s=timeout_s).run(wanted), server.seen


async def test_times_and_tokens_of_a_stream_are_recorded():
    (found,), seen = await _run(_streamed, _shots(_workload([3.0])))
    assert seen[0]["max_tokens"] == 4
    assert seen[0]["ignore_eos"] is True
    assert (found.ok, found.status, found.received_tokens, len(found.token_s)) == (True, 200, 3, 3)
    assert found.sent_s <= found.first_token_s - 0.03
    assert all(gap >= 0.02 for gap in np.diff(found.token_s))
    assert found.server_arrival_s == 1.5


async def test_requests_leave_on_time_whatever_the_answers_do():
    async def never(asked):
        return await _streamed(asked, hold_s=1.0)

    found, _ = await _run(never, _shots(_workload([0.0, 0.1, 0.2, 0.3])))
    for one in found:
        assert one.sent_s - one.shot.due_s == pytest.approx(0.0, abs=0.3)
    assert max(one.sent_s for one in found) < min(one.first_token_s for one in found)
    assert outcome.summary(found)["lateness_s"]["max"] < 0.3


async def test_errors_of_every_kind_are_told_apart():
    async def refuse(_asked):
        return web.json_response({"error": {"code": 503}}, status=503)

    async def late_refusal(asked):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(asked)
        await response.write(b'data: {"error":{"message":"full","code":503}}\n\ndata: [DONE]\n\n')
        return response

    async def break_off(asked):
        return await _streamed(asked, end="")

    async def hang(asked):
        return await _streamed(asked, hold_s=5.0)

    wanted = _shots(_workload([0.0]))
    for answer, status, error in (
        (refuse, 503, "503"),
        (late_refusal, 503, "full"),
        (break_off, 200, "broke off"),
        (hang, 0, "TimeoutError"),
    ):
        (found,), _ = await _run(answer, wanted, timeout_s=0.5)
        assert not found.ok
        assert found.status == status
        assert error in found.error
    router = routes.Router(rule="rr", targets=("http://127.0.0.1:9",))
    (found,) = await replay.Replay(router, timeout_s=1.0).run(wanted)
    assert "Connect" in found.error
    assert outcome.summary([found])["failed"] == {found.error: 1}


async def test_an_answer_as_a_whole_has_one_time():
    async def whole(_asked):
        return web.json_response({"usage": {"completion_tokens": 4}})

    (found,), seen = await _run(whole, _shots(_workload([0.0]), stream=False))
    assert seen[0]["stream"] is False
    assert (found.received_tokens, len(found.token_s)) == (4, 1)


def test_prompts_are_exact_and_share_what_the_trace_says():
    workload = _workload([0.0, 1.0, 2.0, 3.0], prompt=50, group=[7, 7, 8, -1], shared=30)
    workload = trace.grouped(
        "test",
        workload.arrival_s,
        workload.prompt_tokens,
        workload.output_tokens,
        workload.priority,
        np.array([7, 7, 8, -1]),
        np.array([30, 30, 30, 0]),
    )
    prompts = [shots.ids(workload, k) for k in range(4)]
    assert [len(prompt) for prompt in prompts] == [50] * 4
    assert np.array_equal(prompts[0][:30], prompts[1][:30])
    for a, b in ((0, 1), (0, 2), (0, 3)):
        assert (prompts[a][30:] != prompts[b][30:]).sum() > 15
    assert (prompts[0][:30] != prompts[2][:30]).sum() > 25
    assert len(shots.text(prompts[0]).split()) == 50
    assert all(len(word) == 4 for word in shots.text(prompts[0]).split())


def test_a_priority_and_a_model_are_sent_where_there_are_any():
    workload = trace.grouped("test", *(np.array([value]) for value in (0.0, 5, 3, -2, -1, 0)))
    fields = json.loads(shots.make(workload, 0, form="text", model="m", stream=False).body)
    assert (fields["priority"], fields["model"], fields["stream"]) == (-2, "m", False)
    assert "stream_options" not in fields


def test_routers_spread_requests_as_their_names_say():
    targets = ("a", "b", "c")
    around = routes.Router(rule="rr", targets=targets)
    assert [around.choose() for _ in range(4)] == [0, 1, 2, 0]
    least = routes.Router(rule="least", targets=targets)
    least.in_flight = [2, 1, 1]
    assert least.choose() == 1
    draws = [[routes.Router(rule="random", targets=targets, seed=seed).choose() for _ in range(3)] for seed in (1, 1)]
    assert draws[0] == draws[1]
    chance = routes.Router(rule="random", targets=targets)
    assert {chance.choose() for _ in range(50)} == {0, 1, 2}


def test_the_table_has_a_row_per_request_and_gaps_where_nothing_came():
    shot = _shots(_workload([0.0]))[0]
    good = outcome.Outcome(
        shot=shot, target="t", sent_s=0.1, finish_s=0.5, token_s=[0.2, 0.4], received_tokens=2, status=200
    )
    bad = outcome.Outcome(shot=shot, target="t", sent_s=0.1, error="said, no")
    rows = list(csv.DictReader(io.StringIO(outcome.table([good, bad]))))
    assert tuple(rows[0]) == outcome.COLUMNS
    assert (rows[0]["first_token_s"], rows[0]["last_token_s"]) == ("0.200000", "0.400000")
    assert (rows[1]["first_token_s"], rows[1]["status"], rows[1]["error"]) == ("", "0", "said, no")
    assert outcome.tokens([good, bad]).splitlines()[1:] == ["0,0,0.200000", "0,1,0.400000"]
    found = outcome.summary([good, bad])
    assert (found["requests"], found["finished"]) == (2, 1)
    assert found["ttft_s"]["p50"] == pytest.approx(0.1)
    assert outcome.quantiles([math.nan])["mean"] is None

"""The emulator speaks the API of vLLM's OpenAI-compatible server."""

from __future__ import annotations

import asyncio
import json

import pytest


async def test_a_completion_has_as_many_tokens_as_asked_for(configure, serve):
    client = await serve(configure())
    status, body = await client.complete(max_tokens=7, ignore_eos=True)
    assert status == 200
    assert body["object"] == "text_completion"
    assert body["model"] == "tiny"
    assert body["choices"][0]["finish_reason"] == "length"
    assert len(body["choices"][0]["text"].split()) == 7
    assert body["usage"]["completion_tokens"] == 7
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + 7


async def test_a_completion_without_max_tokens_has_sixteen(configure, serve):
    client = await serve(configure())
    _, body = await client.post("/v1/completions", {"prompt": [1, 2, 3], "ignore_eos": True})
    assert body["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 16,
        "total_tokens": 19,
        "prompt_tokens_details": None,
    }


async def test_a_chat_stops_by_itself_at_a_length_that_its_id_decides(configure, serve):
    client = await serve(configure())
    lengths = []
    for name in ("a", "a", "b"):
        _, body = await client.post(
            "/v1/chat/completions",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
            headers={"X-Request-Id": name},
        )
        assert body["id"] == f"chatcmpl-{name}"
        assert body["choices"][0]["finish_reason"] == "stop"
        assert body["choices"][0]["message"]["role"] == "assistant"
        lengths.append(body["usage"]["completion_tokens"])
    assert lengths[0] == lengths[1] != lengths[2]


async def test_min_tokens_holds_back_the_end(configure, serve):
    client = await serve(configure())
    _, body = await client.complete(max_tokens=100, min_tokens=90)
    assert 90 <= body["usage"]["completion_tokens"] <= 100


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
async def test_a_stream_says_the_same_as_the_whole(configure, serve, path):
    client = await serve(configure())
    what = {"prompt": "hi"} if path == "/v1/completions" else {"messages": [{"role": "user", "content": "hi"}]}
    fields = {**what, "max_tokens": 6, "ignore_eos": True}
    _, whole = await client.post(path, fields, headers={"X-Request-Id": "x"})
    async with client.session.post(
        client.url + path,
        json={**fields, "stream": True, "stream_options": {"include_usage": True}},
        headers={"X-Request-Id": "x"},
    ) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        text = (await answer.read()).decode()
    *chunks, usage, done = [event.removeprefix("data: ") for event in text.strip().split("\n\n")]
    assert done == "[DONE]"
    assert json.loads(usage)["usage"] == whole["usage"]
    assert json.loads(usage)["choices"] == []
    choices = [json.loads(chunk)["choices"][0] for chunk in chunks]
    assert [choice["finish_reason"] for choice in choices] == [None] * (len(choices) - 1) + ["length"]
    if path == "/v1/completions":
        said = "".join(choice["text"] for choice in choices)
        assert said == whole["choices"][0]["text"]
    else:
        assert choices[0]["delta"] == {"role": "assistant", "content": ""}
        said = "".join(choice["delta"]["content"] for choice in choices)
        assert said == whole["choices"][0]["message"]["content"]


async def test_a_stream_without_usage_asked_for_ends_with_its_last_token(configure, serve):
    client = await serve(configure())
    status, events = await client.events("/v1/completions", {"prompt": "hi", "max_tokens": 2})
    assert status == 200
    assert events[-1] == "[DONE]"
    assert all("usage" not in event for event in events)


@pytest.mark.parametrize(
    ("fields", "status", "kind", "param"),
    [
        (b"{", 400, "Bad Request", None),
        (b"[]", 400, "Bad Request", None),
        ({"model": "other", "prompt": "x"}, 404, "NotFoundError", "model"),
        ({"prompt": ""}, 400, "BadRequestError", "prompt"),
        ({"prompt": ["a", "b"]}, 400, "BadRequestError", "prompt"),
        ({"prompt": [1, -2]}, 400, "BadRequestError", "prompt"),
        ({"prompt": [True]}, 400, "BadRequestError", "prompt"),
        ({}, 400, "BadRequestError", "prompt"),
        ({"prompt": "x", "n": 2}, 400, "BadRequestError", "n"),
        ({"prompt": "x", "max_tokens": 0}, 400, "BadRequestError", "max_tokens"),
        ({"prompt": "x", "max_tokens": 1.5}, 400, "BadRequestError", "max_tokens"),
        ({"prompt": "x", "max_tokens": 1000}, 400, "BadRequestError", "max_tokens"),
        ({"prompt": "x", "priority": 2**40}, 400, "BadRequestError", "priority"),
        ({"prompt": "x", "stream": "yes"}, 400, "BadRequestError", "stream"),
        ({"prompt": "x", "stream_options": {"include_usage": True}}, 400, "BadRequestError", "stream_options"),
        ({"prompt": [7] * 1000}, 400, "BadRequestError", "input_tokens"),
    ],
)
async def test_a_bad_request_is_refused_in_the_shape_of_openai(configure, serve, fields, status, kind, param):
    client = await serve(configure())
    found, body = await client.post("/v1/completions", fields)
    assert found == status
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert (body["error"]["type"], body["error"]["param"], body["error"]["code"]) == (kind, param, status)
    assert body["error"]["message"]


@pytest.mark.parametrize("messages", [None, [], ["hi"], [{"content": "x"}], [{"role": "user", "content": 3}]])
async def test_a_chat_needs_messages(configure, serve, messages):
    client = await serve(configure())
    status, body = await client.post("/v1/chat/completions", {"messages": messages})
    assert status == 400
    assert body["error"]["param"] == "messages"


async def test_the_routes_beside_generation_answer_as_vllm_does(configure, serve):
    client = await serve(configure())
    _, models = await client.get("/v1/models")
    assert json.loads(models)["data"][0]["id"] == "tiny"
    assert json.loads(models)["data"][0]["max_model_len"] == 1000
    assert await client.get("/health") == (200, "")
    assert await client.get("/ping") == (200, "")
    assert json.loads((await client.get("/version"))[1]) == {"version": "0.32.0"}
    status, body = await client.post("/v1/nothing", {})
    assert (status, body["error"]["code"]) == (404, 404)
    assert (await client.get("/v1/completions"))[0] == 405


async def test_a_client_that_goes_away_frees_its_blocks(configure, serve, until):
    client = await serve(configure())

    async def used():
        return await client.value("vllm:kv_cache_usage_perc") > 0.0

    async def unused():
        return await client.value("vllm:kv_cache_usage_perc") == 0.0

    async def impatient():
        await client.complete(prompt=[1] * 500, max_tokens=400, ignore_eos=True)

    for streaming in (False, True):
        task = asyncio.create_task(
            client.events("/v1/completions", {"prompt": [1] * 500, "max_tokens": 400, "ignore_eos": True})
            if streaming
            else impatient()
        )
        await until(used)
        task.cancel()
        await until(unused)
    assert client.core.live == 0
    assert await client.value('vllm:request_success_total{finished_reason="abort"') == 0.0


async def test_priorities_reorder_the_queue_only_where_the_policy_says_so(configure, serve):
    for policy, order in (("priority", ["last", "first"]), ("fcfs", ["first", "last"])):
        client = await serve(configure(engine={"scheduling_policy": policy, "max_num_seqs": 1}))
        ended = []

        async def ask(name, priority, client=client, ended=ended):
            await client.complete(max_tokens=60 if name == "running" else 10, ignore_eos=True, priority=priority)
            ended.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(ask("running", 0))
            await asyncio.sleep(0.02)
            group.create_task(ask("first", 5))
            await asyncio.sleep(0.01)
            group.create_task(ask("last", -5))
        assert ended == ["running", *order]


async def test_a_full_queue_is_a_503_and_within_a_stream_a_200_with_an_error(configure, serve, until):
    client = await serve(configure(max_queued_requests=1))
    async with asyncio.TaskGroup() as group:
        group.create_task(client.complete(max_tokens=150, ignore_eos=True))
        await until(client.busy)
        status, body = await client.complete()
        assert (status, body["error"]["code"]) == (503, 503)
        status, events = await client.events("/v1/completions", {"prompt": "hi"})
        assert status == 200
        assert json.loads(events[0])["error"]["code"] == 503
        assert events[1:] == ["[DONE]"]
    assert await client.value('vllm:admission_rejections_total{model_name="tiny",reason="max_num_queued_reqs"') == 2.0
    assert (await client.complete())[0] == 200


async def test_too_many_prompt_tokens_before_their_first_token_are_refused(configure, serve):
    client = await serve(configure(max_queued_tokens=100))
    status, _ = await client.complete(prompt=[1] * 101)
    assert status == 503
    assert (await client.complete(prompt=[1] * 100))[0] == 200


async def test_shared_prefixes_hit_the_cache_and_others_do_not(configure, serve):
    client = await serve(configure())
    text = "a story about a prince who lost his way in the woods and came upon a house. " * 4
    await client.complete(prompt=text + "What happened then?")
    assert await client.value("vllm:prefix_cache_hits_total") == 0.0
    await client.complete(prompt=text + "Who lived there?")
    hits = await client.value("vllm:prefix_cache_hits_total")
    assert hits > 0
    assert hits % 16 == 0
    await client.complete(prompt="Nothing of the kind, " * 20)
    assert await client.value("vllm:prefix_cache_hits_total") == hits


async def test_a_second_turn_finds_the_first_answer_in_the_cache(configure, serve):
    client = await serve(configure())
    prompt = "tell me all about the sea, please, and do not hurry " * 3
    _, body = await client.complete(prompt=prompt, max_tokens=64, ignore_eos=True)
    before = body["usage"]["total_tokens"]
    await client.complete(prompt=prompt + body["choices"][0]["text"] + " and then?")
    assert await client.value("vllm:prefix_cache_hits_total") == (before - 1) // 16 * 16

"""Calls and streams as they go over a wire, with a server that answers what a test says."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from kubernetes.aio import client

from glia_operator.adapters import kube, kube_http

WATCH = kube.Call(verb="watch", kind=kube.CONFIG_MAPS, query=(("watch", "true"),), accept="application/json;as=x")
EVENTS = [{"type": "ADDED", "object": {"metadata": {"name": "a" * 300_000}}}, {"type": "BOOKMARK", "object": {}}]


class Server:
    """Answers every request with the same status and lines, and breaks the connection after them if it is told to."""

    def __init__(self):
        self.status, self.lines, self.breaks, self.asked = 200, [], False, []

    async def answer(self, request):
        self.asked.append((request.method, request.path_qs, request.headers["Accept"]))
        response = web.StreamResponse(status=self.status)
        response.enable_chunked_encoding()
        await response.prepare(request)
        for line in self.lines:
            await response.write(json.dumps(line).encode() + b"\n")
        if self.breaks:
            request.transport.close()
        return response


@pytest.fixture
async def server():
    one = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


@pytest.fixture
def counted():
    return []


@pytest.fixture
async def http(server, counted):
    one = kube_http.HttpKube(client.Configuration(host=server.url), lambda *seen: counted.append(seen))
    yield one
    await one.close()


async def heard(http, came=None):
    came = [] if came is None else came
    async for event in http.watch(WATCH):
        came.append(event)
    return came


async def test_a_stream_hands_on_events_of_any_size_until_it_ends(http, server, counted):
    server.lines = EVENTS
    assert await heard(http) == EVENTS
    assert server.asked == [("GET", "/api/v1/configmaps?watch=true", "application/json;as=x")]
    assert counted == [("watch", 200)]


async def test_a_stream_that_breaks_says_so_after_what_came(http, server, counted):
    server.lines, server.breaks = EVENTS, True
    came = []
    with pytest.raises(kube.Unavailable, match="no answer"):
        await heard(http, came)
    assert came == EVENTS
    assert counted[-1] == ("watch", 0)


@pytest.mark.parametrize(("status", "fault"), [(403, kube.Forbidden), (410, kube.Gone), (500, kube.Unavailable)])
async def test_a_stream_that_is_refused_says_why(http, server, status, fault):
    server.status, server.lines = status, [{"kind": "Status", "message": "not now", "reason": "No"}]
    with pytest.raises(fault, match=f"HTTP {status} not now"):
        await heard(http)


async def test_a_call_is_one_request_and_its_answer_an_object(http, server, counted):
    server.lines = [{"metadata": {"name": "settings"}}]
    assert await kube.get(http, kube.CONFIG_MAPS, "team", "settings") == server.lines[0]
    assert server.asked == [("GET", "/api/v1/namespaces/team/configmaps/settings", "application/json")]
    assert counted == [("get", 200)]

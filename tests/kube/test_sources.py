"""ConfigMaps that specs name are followed by streams that end, break and forget."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from glia_operator.adapters import kube, kube_fake
from glia_operator.handlers import sources as following
from glia_operator.handlers import store as stores

CHAT, CODE = stores.Key("team", "chat"), stores.Key("team", "code")


@pytest.fixture
def news():
    return []


@pytest.fixture
def streams():
    return kube_fake.FakeStreams()


@pytest.fixture
async def follow(cluster, streams, store, clock, news, make):
    """Two optimisations that name a ConfigMap each, one that names none, and a follower that has begun."""
    for name, source in (("chat", "mornings"), ("code", "nights"), ("mail", "")):
        body = make(name, 1)
        body["spec"]["offline"] = {"configMapRef": {"name": source}} if source else {"fleet": "paper-a10x4"}
        store.take(kube.OPTIMIZATIONS, body)
    sources = following.Sources(
        cluster, streams, store=store, namespaces=(None,), clock=clock, news=lambda keys: news.append(set(keys))
    )
    task = asyncio.create_task(sources.run())
    await clock.run_for(0)
    yield task
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def event(kind, name="", version=7):
    metadata = {"name": name, "namespace": "team", "resourceVersion": str(version)}
    return {"type": kind, "object": {"metadata": metadata}}


def version_of(call):
    return dict(call.query)["resourceVersion"]


async def test_all_that_name_one_are_looked_at_as_it_begins(follow, news, streams):
    assert news == [{CHAT, CODE}]
    assert [version_of(call) for call in streams.calls] == ["0"]


@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED"])
async def test_a_change_concerns_those_that_name_the_config_map(follow, news, streams, clock, kind):
    news.clear()
    for name in ("mornings", "somebody-elses"):
        streams.events.put_nowait(event(kind, name))
    await clock.run_for(0)
    assert news == [{CHAT}, set()]


async def test_a_stream_that_ends_goes_on_where_it_ended_and_looks_at_nothing_again(follow, news, streams, clock):
    news.clear()
    for one in (event("BOOKMARK", version=41), None):
        streams.events.put_nowait(one)
    await clock.run_for(following.FIRST_REST_S)
    assert [version_of(call) for call in streams.calls] == ["0", "41"]
    assert news == []


async def test_where_the_server_has_forgotten_the_version_all_are_looked_at_again(follow, news, streams, clock):
    news.clear()
    status = {"type": "ERROR", "object": {"kind": "Status", "metadata": {}, "code": 410, "message": "too old"}}
    streams.events.put_nowait(status)
    await clock.run_for(following.FIRST_REST_S)
    streams.events.put_nowait(kube.fault(streams.calls[-1], 410, "Expired", "too old"))
    await clock.run_for(following.FIRST_REST_S)
    assert news == [{CHAT, CODE}, {CHAT, CODE}]
    assert [version_of(call) for call in streams.calls] == ["0", "0", "0"]


async def test_an_api_that_refuses_or_is_away_is_asked_ever_more_rarely(follow, streams, clock):
    for _ in range(20):
        streams.events.put_nowait(kube.fault(streams.calls[0], 403, "Forbidden", "no"))
    await clock.run_for(600)
    asked = len(streams.calls)
    assert 10 < asked < 20
    assert not follow.done()


async def test_after_a_stream_that_lasted_it_is_asked_again_at_once(follow, streams, clock):
    await clock.run_for(600)
    streams.events.put_nowait(kube.fault(streams.calls[0], 0, "", "reset"))
    await clock.run_for(following.FIRST_REST_S)
    assert len(streams.calls) == 2


async def test_only_metadata_is_asked_for_and_no_notebooks(follow, streams, cluster):
    for call in (streams.calls[0], cluster.calls[0]):
        assert "PartialObjectMetadata" in call.accept
        assert "glia.dev%2Fpart%21%3Dnotebook" in call.path

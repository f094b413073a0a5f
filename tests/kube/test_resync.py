"""A watch that went silent is found out, and what it missed is taken from a list."""

from __future__ import annotations

import asyncio

import pytest

from glia_operator.adapters import kube
from glia_operator.adapters import metrics as measures
from glia_operator.handlers import resync as resyncing
from glia_operator.handlers import store as stores

CHAT = stores.Key("team", "chat")


@pytest.fixture
def news():
    return []


@pytest.fixture
def metrics():
    return measures.Metrics()


@pytest.fixture
def resync(cluster, store, clock, metrics, news):
    return resyncing.Resync(cluster, store=store, namespaces=(None,), clock=clock, metrics=metrics, news=news.extend)


async def compared(resync, clock):
    task = asyncio.create_task(resync.compare())
    await clock.run_for(3 * 2 * resyncing.GRACE_S)
    await task


async def test_the_store_is_full_before_anything_is_decided_and_everything_is_looked_at(
    resync, cluster, store, news, make
):
    policy = {**make("nobody-1", 3), "spec": {"optimization": "nobody"}}
    cluster.put(kube.POLICIES, policy)
    cluster.put(kube.OPTIMIZATIONS, make("chat", 1))
    cluster.put(kube.DEPLOYMENTS, make("vllm", 2))
    await resync.first()
    assert store.optimization(CHAT) is not None
    assert store.has_deployment("team", "vllm")
    assert set(news) == {CHAT, stores.Key("team", "nobody")}


async def test_a_missed_change_is_taken_counted_and_looked_at(resync, cluster, store, clock, metrics, news, make):
    cluster.put(kube.OPTIMIZATIONS, make("chat", 1))
    await compared(resync, clock)
    assert store.optimization(CHAT) is not None
    assert CHAT in news
    assert b'glia_watch_missed_total{kind="GliaOptimization"} 1.0' in metrics.page()
    assert not resync.watch_is_dead


async def test_a_change_that_the_watch_shows_in_time_is_not_missed(resync, cluster, store, clock, make):
    body = cluster.put(kube.OPTIMIZATIONS, make("chat", 1))
    task = asyncio.create_task(resync.compare())
    await clock.run_for(1)
    store.take(kube.OPTIMIZATIONS, body)
    await clock.run_for(100)
    await task
    assert resync.misses == 0


async def test_a_watch_that_misses_round_after_round_counts_as_dead_until_it_shows_something(
    resync, cluster, clock, make
):
    for number in range(resyncing.MOST_MISSES):
        cluster.put(kube.OPTIMIZATIONS, make(f"chat-{number}", 1))
        await compared(resync, clock)
    assert resync.watch_is_dead
    await compared(resync, clock)
    assert not resync.watch_is_dead


async def test_a_deletion_that_was_missed_is_seen(resync, cluster, store, clock, make):
    body = cluster.put(kube.OPTIMIZATIONS, make("chat", 1))
    store.take(kube.OPTIMIZATIONS, body)
    cluster.objects.clear()
    await compared(resync, clock)
    assert store.optimization(CHAT) is None


async def test_objects_are_counted_by_phase(resync, store, metrics, make):
    store.take(kube.OPTIMIZATIONS, {**make("chat", 1), "status": {"phase": "Paused"}})
    store.take(kube.OPTIMIZATIONS, make("other", 2))
    resync.count()
    page = metrics.page()
    assert b'glia_optimizations{phase="Paused"} 1.0' in page
    assert b'glia_optimizations{phase="None"} 1.0' in page


async def test_predictions_are_told_one_by_one_and_only_so_many(resync, store, metrics, make, monkeypatch):
    candidate = {"policy": "a-2", "predictedImprovement": "-1.50%"}
    statuses = {
        "a": {"candidate": candidate, "active": {"policy": "a-1", "improvement": "+19.35%"}},
        "b": {"active": {"policy": "b-1"}},
        "c": {"candidate": candidate},
    }
    for name, status in statuses.items():
        store.take(kube.OPTIMIZATIONS, {**make(name, 1), "status": status})
    monkeypatch.setattr(resyncing, "MOST_PREDICTIONS", 2)
    resync.count()
    resync.count()
    told = [line for line in metrics.page().decode().splitlines() if line.startswith("glia_predicted_improvement{")]
    assert told == [
        'glia_predicted_improvement{optimization="a",optimization_namespace="team",standing="candidate"} -0.015',
        'glia_predicted_improvement{optimization="a",optimization_namespace="team",standing="active"} 0.1935',
    ]

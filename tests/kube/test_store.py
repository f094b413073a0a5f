"""The store keeps the newest version of what is watched, and knows whom a change concerns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glia_operator.adapters import kube
from glia_operator.handlers import store as stores

CHAT = stores.Key("team", "chat")


def test_an_older_version_never_replaces_a_newer_one(store, make):
    assert store.take(kube.OPTIMIZATIONS, make("chat", 7)) == {CHAT}
    assert store.take(kube.OPTIMIZATIONS, make("chat", 6)) == set()
    assert store.take(kube.OPTIMIZATIONS, make("chat", 7)) == set()
    assert store.optimization(CHAT)["metadata"]["resourceVersion"] == "7"


def test_a_late_deletion_of_a_namesake_leaves_the_heir(store, make):
    store.take(kube.OPTIMIZATIONS, make("chat", 9, uid="heir"))
    assert store.take(kube.OPTIMIZATIONS, make("chat", 10, uid="dead"), gone=True) == set()
    assert store.optimization(CHAT)["metadata"]["uid"] == "heir"


def test_a_deployment_concerns_the_optimisations_about_it_and_only_its_name_is_kept(store, make):
    store.take(kube.OPTIMIZATIONS, make("chat", 1))
    store.take(kube.OPTIMIZATIONS, make("other", 2, target="elsewhere"))
    assert store.take(kube.DEPLOYMENTS, make("vllm", 3)) == {CHAT}
    assert store.has_deployment("team", "vllm")
    assert not store.has_deployment("another", "vllm")
    store.take(kube.DEPLOYMENTS, make("vllm", 4), gone=True)
    assert not store.has_deployment("team", "vllm")


def test_of_several_on_one_target_the_oldest_wins_and_then_the_first_by_name(store, make):
    store.take(kube.OPTIMIZATIONS, make("b", 1, created="2026-01-02T00:00:00Z"))
    store.take(kube.OPTIMIZATIONS, make("c", 2, created="2026-01-01T00:00:00Z"))
    store.take(kube.OPTIMIZATIONS, make("a", 3, created="2026-01-02T00:00:00Z"))
    keys = {name: stores.Key("team", name) for name in "abc"}
    assert {name: store.winner(key) for name, key in keys.items()} == {"a": "c", "b": "c", "c": ""}
    concerned = store.take(kube.OPTIMIZATIONS, make("c", 4), gone=True)
    assert concerned == set(keys.values())
    assert (store.winner(keys["a"]), store.winner(keys["b"])) == ("", "a")


def test_one_that_is_being_deleted_stands_in_nobodys_way(store, make):
    store.take(kube.OPTIMIZATIONS, make("first", 1, created="2025-01-01T00:00:00Z"))
    store.take(kube.OPTIMIZATIONS, make("second", 2))
    dying = make("first", 3, created="2025-01-01T00:00:00Z", deletionTimestamp="2026-01-03T00:00:00Z")
    assert stores.Key("team", "second") in store.take(kube.OPTIMIZATIONS, dying)
    assert store.winner(stores.Key("team", "second")) == ""


def test_a_policy_concerns_the_optimisation_that_it_names(store, make):
    policy = make("chat-1", 5)
    policy["spec"] = {"optimization": "chat"}
    assert store.take(kube.POLICIES, policy) == {CHAT}
    assert [one["metadata"]["name"] for one in store.policies_of(CHAT)] == ["chat-1"]


def test_a_list_shows_what_the_watch_has_missed(store, make):
    store.take(kube.OPTIMIZATIONS, make("kept", 1))
    store.take(kube.OPTIMIZATIONS, make("changed", 2))
    store.take(kube.OPTIMIZATIONS, make("gone", 3))
    listed = [make("kept", 1), make("changed", 9), make("new", 10)]
    found = {(one["metadata"]["name"], gone) for one, gone in store.differences(kube.OPTIMIZATIONS, listed)}
    assert found == {("changed", False), ("new", False), ("gone", True)}


def test_nothing_that_decisions_do_not_look_at_is_kept(store, make):
    store.take(kube.OPTIMIZATIONS, make("chat", 1))
    assert "managedFields" not in store.optimization(CHAT)["metadata"]


@given(st.permutations(list(range(1, 8))))
def test_whatever_order_versions_come_in_the_newest_stays(order):
    store = stores.Store()
    for version in order:
        body = {"metadata": {"name": "chat", "namespace": "team", "uid": "u", "resourceVersion": str(version)}}
        store.take(kube.OPTIMIZATIONS, body)
    assert store.optimization(CHAT)["metadata"]["resourceVersion"] == "7"

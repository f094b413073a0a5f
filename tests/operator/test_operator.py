"""The operator as a whole, on an API that fails when a test says so."""

from __future__ import annotations

import random

import pytest

from glia_operator.adapters import kube


async def approved(cluster, operator, seconds=60):
    await operator.run_for(seconds)
    assert cluster.status["phase"] == "Approved", cluster.status
    return cluster.of(kube.POLICIES)


async def test_a_wish_comes_to_an_approved_policy_and_then_nothing_is_written(cluster, new_operator):
    cluster.wish(rollout={"approval": "Automatic"})
    operator = new_operator().begin()
    (policy,) = await approved(cluster, operator)
    assert policy["metadata"]["name"] == "chat-1"
    assert policy["status"]["phase"] == "Approved"
    assert policy["metadata"]["ownerReferences"][0]["kind"] == "GliaOptimization"
    cluster.calls.clear()
    await operator.run_for(600)
    assert cluster.calls == []


async def test_each_look_patches_the_status_at_most_once(cluster, new_operator):
    cluster.wish(rollout={"approval": "Automatic"})
    operator = new_operator().begin()
    await approved(cluster, operator)
    patches = [call for call in cluster.writes() if call.kind == kube.OPTIMIZATIONS]
    looks = operator.metrics.reconciles.labels(result="success")._value.get()
    assert len(patches) <= looks
    versions = [call.body["metadata"]["resourceVersion"] for call in patches]
    assert len(versions) == len(set(versions))


async def test_every_event_is_told_once_and_counted_where_it_comes_again(cluster, new_operator):
    cluster.wish(rollout={"approval": "Automatic"})
    await approved(cluster, new_operator().begin())
    told = [(one["involvedObject"]["name"], one["reason"], one["message"]) for one in cluster.of(kube.EVENTS)]
    assert len(told) == len(set(told))
    assert {"Approved", "ExperimentFinished"} <= {reason for _, reason, _ in told}
    cluster.wish(rollout={"approval": "Automatic"}, paused=True)
    operator = new_operator().begin()
    await operator.run_for(20)
    cluster.wish(rollout={"approval": "Automatic"})
    await operator.run_for(20)
    counts = {one["reason"]: one["count"] for one in cluster.of(kube.EVENTS) if one["involvedObject"]["name"] == "chat"}
    assert counts["Approved"] == 2
    assert counts["Paused"] == 1


@pytest.mark.parametrize("seed", range(12))
async def test_an_api_that_fails_at_random_delays_and_changes_nothing(cluster, new_operator, seed):
    """Faults before and after the effect: what is lost is done again, what came through is not done twice."""
    chance = random.Random(seed)  # noqa: S311 - which calls fail

    def sometimes(call):
        kind = chance.choice([kube.Unavailable, kube.Busy, kube.Conflict])
        return kind(call, "fault of the test") if chance.random() < 0.25 else None

    cluster.wish(rollout={"approval": "Automatic"})
    cluster.fault = sometimes
    cluster.late_fault = lambda call: kube.Unavailable(call, "no answer") if chance.random() < 0.15 else None
    operator = new_operator().begin()
    await operator.run_for(1500)
    cluster.fault = cluster.late_fault = lambda _call: None
    await operator.run_for(600)
    assert cluster.status["phase"] == "Approved", cluster.status
    assert [one["metadata"]["name"] for one in cluster.of(kube.POLICIES)] == ["chat-1"]
    records = [line for page in cluster.of(kube.CONFIG_MAPS) for line in page["data"]["records.jsonl"].splitlines()]
    assert len(records) == len(set(records)) == 4


@pytest.mark.parametrize("calls", range(1, 40, 3))
async def test_dying_at_any_call_and_starting_anew_comes_to_the_same_end(cluster, new_operator, calls):
    cluster.wish(rollout={"approval": "Automatic"})
    first = new_operator().begin()

    def die(_call):
        if len(cluster.calls) >= calls and not first.tasks[0].done():
            first.tasks[0].cancel()
            raise RuntimeError("the process is gone")

    cluster.fault = die
    await first.run_for(30)
    await first.end()
    cluster.fault = lambda _call: None
    second = new_operator().begin()
    (policy,) = await approved(cluster, second, 120)
    assert policy["spec"]["revision"] == 1
    records = [line for page in cluster.of(kube.CONFIG_MAPS) for line in page["data"]["records.jsonl"].splitlines()]
    assert len(records) == len(set(records)) == 4


async def test_what_the_api_refuses_is_told_in_the_status_and_tried_ever_more_rarely(cluster, new_operator):
    cluster.wish(rollout={"approval": "Automatic"})
    cluster.fault = lambda call: (
        kube.Forbidden(call, "HTTP 403 nobody approves in another's name")
        if call.verb == "patch" and call.kind == kube.POLICIES and call.subresource is None
        else None
    )
    operator = new_operator().begin()
    await operator.run_for(60)
    degraded = {one["type"]: one for one in cluster.status["conditions"]}["Degraded"]
    assert (degraded["status"], degraded["reason"]) == ("True", "ApiForbidden")
    assert "another's name" in degraded["message"]
    cluster.calls.clear()
    await operator.run_for(600)
    assert len(cluster.calls) < 20
    cluster.fault = lambda _call: None
    await operator.run_for(600)
    assert cluster.status["phase"] == "Approved"
    assert {one["type"]: one["status"] for one in cluster.status["conditions"]}["Degraded"] == "False"


async def test_a_policy_that_was_tampered_with_is_invalid_and_never_approved(cluster, new_operator):
    cluster.wish()
    operator = new_operator().begin()
    await operator.run_for(60)
    (policy,) = cluster.of(kube.POLICIES)
    forged = {**policy, "metadata": {**policy["metadata"], "name": "chat-2", "uid": "another"}}
    forged["spec"] = {**policy["spec"], "revision": 2, "rationale": "trust me"}
    forged["approval"] = {"decision": "Approved", "by": "eve"}
    forged.pop("status")
    cluster.put(kube.POLICIES, forged)
    await operator.run_for(30)
    found = {one["metadata"]["name"]: one["status"] for one in cluster.of(kube.POLICIES)}
    assert found["chat-2"]["phase"] == "Proposed"
    (condition,) = found["chat-2"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Valid", "False")
    assert "changed after its exam" in condition["message"]
    assert "active" not in cluster.status
    assert cluster.status["phase"] == "AwaitingApproval"


async def test_an_object_that_cannot_be_read_fails_with_its_field(cluster, new_operator):
    cluster.wish(objective={"minimize": "entropy"})
    operator = new_operator().begin()
    await operator.run_for(10)
    assert cluster.status["phase"] == "Failed"
    assert "objective" in cluster.status["message"]


async def test_a_wish_that_goes_takes_its_study_along(cluster, new_operator):
    cluster.wish()
    operator = new_operator().begin()
    await operator.run_for(0.1)
    gone = cluster.objects.pop(("gliaoptimizations", "team", "chat"))
    operator.news(operator.store.take(kube.OPTIMIZATIONS, gone, gone=True))
    await operator.run_for(5)
    assert operator.studies.running == 0
    cluster.calls.clear()
    await operator.run_for(60)
    assert cluster.writes() == []


async def test_a_missing_config_map_is_told_and_seen_when_it_comes(cluster, new_operator):
    cluster.wish(offline={"trace": "synthetic:paper?requests=100&seed=1", "configMapRef": {"name": "fleet"}})
    operator = new_operator().begin()
    await operator.run_for(10)
    found = {one["type"]: one for one in cluster.status["conditions"]}["BriefReady"]
    assert (found["status"], found["reason"]) == ("False", "ConfigMapMissing")
    operator.config_map("fleet", **{"fleet.yaml": "x"})
    await operator.run_for(10)
    assert cluster.status["phase"] == "AwaitingApproval"


async def test_a_config_map_that_changes_is_another_question(cluster, new_operator):
    cluster.wish(offline={"trace": "synthetic:paper?requests=100&seed=1", "configMapRef": {"name": "fleet"}})
    operator = new_operator().begin()
    operator.config_map("fleet", **{"fleet.yaml": "x"})
    await operator.run_for(10)
    before = cluster.status["study"]["questionDigest"]
    operator.config_map("fleet", **{"fleet.yaml": "x", "unnamed": "y"})
    await operator.run_for(10)
    assert cluster.status["study"]["questionDigest"] == before
    operator.config_map("fleet", **{"fleet.yaml": "z"})
    await operator.run_for(10)
    assert cluster.status["study"]["questionDigest"] != before


async def test_a_made_up_policy_without_an_optimisation_is_judged_all_the_same(cluster, new_operator):
    spec = {"optimization": "nobody", "revision": 1, "programs": {"router": "import os"}}
    cluster.put(kube.POLICIES, {"metadata": {"name": "nobody-1", "namespace": "team"}, "spec": spec})
    operator = new_operator().begin()
    await operator.run_for(5)
    (policy,) = cluster.of(kube.POLICIES)
    assert policy["status"]["phase"] == "Proposed"
    assert policy["status"]["conditions"][0]["reason"] == "Invalid"
    cluster.calls.clear()
    await operator.run_for(60)
    assert cluster.calls == []

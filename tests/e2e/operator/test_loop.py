"""From `kubectl apply` to an approved policy, on a real API server with the chart's rights."""

from __future__ import annotations

import collections
import json
import time

import pytest

from controlplane import cluster as clusters

SYSTEM = "glia-system"
USER = f"system:serviceaccount:{SYSTEM}:glia-operator"


def approve(cluster, namespace, policy, by, decision="Approved", **more):
    approval = {"decision": decision, "by": by, "reason": "tried it", **more}
    cluster.kubectl(
        "patch", "gliapolicy", policy, "-n", namespace, "--type=merge", "-p", json.dumps({"approval": approval})
    )


def test_a_wish_with_automatic_approval_ends_approved_with_its_evidence(new_operator, wish):
    new_operator()
    wish.apply(rollout={"approval": "Automatic"})
    wish.until("Approved", "NoImprovement", "Failed")
    assert wish.phase == "Approved", wish.status
    (policy,) = wish.policies()
    assert policy["metadata"]["name"] == "chat-1"
    assert policy["approval"]["by"] == USER
    assert policy["approval"]["examDigest"] == policy["spec"]["evidence"]["examDigest"]
    assert policy["status"]["phase"] == "Approved"
    assert wish.status["active"]["policy"] == "chat-1"
    assert wish.status["observedGeneration"] == wish.get()["metadata"]["generation"]
    columns = wish.cluster.kubectl("get", "gliaopt", "chat", "-n", wish.namespace)
    assert "Approved" in columns
    assert "chat-1" in columns
    kept = {one["type"]: one["status"] for one in wish.status["conditions"]}
    assert (kept["TargetReady"], kept["BriefReady"], kept["CandidateApproved"]) == ("True", "True", "True")
    reasons = collections.Counter(event["reason"] for event in wish.events())
    assert {"StudyStarted", "ExperimentFinished", "Approved"} <= set(reasons)


def test_nothing_is_written_that_kopf_or_a_finalizer_would_leave_behind(new_operator, wish):
    new_operator()
    wish.apply(rollout={"approval": "Automatic"})
    wish.until("Approved")
    for kind in ("gliaoptimizations", "gliapolicies", "configmaps", "deployments"):
        for one in wish.cluster.get(kind, "-n", wish.namespace):
            assert "finalizers" not in one["metadata"]
            assert not any("kopf" in name for name in one["metadata"].get("annotations", {}))


def test_an_operator_at_rest_writes_nothing(new_operator, wish, until_quiet):
    new_operator()
    wish.apply(rollout={"approval": "Automatic"})
    wish.until("Approved")
    until_quiet()
    mark = wish.cluster.audit_mark()
    time.sleep(10)
    asked = [one for one in wish.cluster.requests(since=mark) if one.user == USER and one.resource != "leases"]
    assert [one for one in asked if one.verb not in ("get", "list", "watch")] == []
    assert len(asked) < 10


@pytest.mark.parametrize("decision", ["Approved", "Rejected"])
def test_a_person_decides_in_their_own_name(new_operator, wish, decision):
    new_operator()
    wish.apply()
    wish.until("AwaitingApproval")
    wish.cluster.kubectl(
        "create", "clusterrolebinding", f"ann-{wish.namespace}", "--clusterrole=cluster-admin", "--user=ann"
    )
    ann = wish.cluster.user("ann")
    refused = ann.refusal(
        "patch",
        "gliapolicy",
        "chat-1",
        "-n",
        wish.namespace,
        "--type=merge",
        "-p",
        json.dumps({"approval": {"decision": decision, "by": "bob", "reason": "no"}}),
    )
    assert "another's name" in refused
    approve(ann, wish.namespace, "chat-1", "ann", decision)
    wish.until(decision)
    assert wish.policies()[0]["status"]["phase"] == decision
    assert ("active" in wish.status) == (decision == "Approved")


def test_a_pause_stops_the_study_and_resuming_repeats_nothing(new_operator, wish, same_end):
    new_operator()
    wish.apply(research={"budget": {"experiments": 2}, "hints": "mornings are busy"})
    wish.until_recorded("hypothesis")
    wish.apply(paused=True)
    wish.until("Paused")
    records = wish.records()
    assert wish.condition("Paused")["status"] == "True"
    wish.apply(paused=False, research={"budget": {"experiments": 2}, "hints": "evenings are busy"})
    wish.until("AwaitingApproval")
    assert wish.records()[: len(records)] == records
    keys = [(one["kind"], one["key"]) for one in wish.records() if one["kind"] == "experiment"]
    assert len(keys) == len(set(keys))
    assert [one["body"]["hints"] for one in wish.records() if one["kind"] == "hints"] == [
        "mornings are busy",
        "evenings are busy",
    ]
    assert wish.status["hints"] == "evenings are busy"


def test_another_question_in_mid_study_supersedes_it(new_operator, wish):
    new_operator()
    wish.apply()
    wish.until_recorded("hypothesis")
    (old,) = {page["metadata"]["annotations"]["glia.dev/brief-digest"] for page in wish.pages()}
    wish.apply(research={"seed": 1, "budget": {"experiments": 2}})
    wish.until("AwaitingApproval", "NoImprovement")
    briefs = {page["metadata"]["annotations"]["glia.dev/brief-digest"] for page in wish.pages()}
    assert old not in briefs
    assert wish.status["study"]["briefDigest"] in briefs


def test_deletion_in_mid_study_ends_it_and_leaves_nothing(new_operator, wish):
    operator = new_operator()
    wish.apply()
    wish.until_recorded("hypothesis")
    wish.cluster.kubectl("delete", "gliaopt", "chat", "-n", wish.namespace, "--timeout=60s")
    clusters.until("its notebook is collected", lambda: not wish.pages())
    clusters.until("no study runs", lambda: "glia_studies_running 0.0" in operator.ask("/metrics", operator.metrics)[1])
    assert wish.policies() == []


def test_of_two_wishes_on_one_target_the_older_works_and_the_younger_follows(new_operator, new_wish):
    older = new_wish("first").apply(rollout={"approval": "Automatic"}, paused=True)
    time.sleep(1.1)
    younger = new_wish("second").apply(rollout={"approval": "Automatic"})
    new_operator()
    clusters.until("the conflict is told", lambda: younger.condition("Conflict").get("status") == "True")
    assert "first" in younger.condition("Conflict")["message"]
    clusters.until("the older has none", lambda: older.condition("Conflict").get("status") == "False")
    older.cluster.kubectl("delete", "gliaopt", "first", "-n", older.namespace)
    younger.until("Approved")
    assert younger.condition("Conflict")["status"] == "False"


def test_what_is_missing_is_a_condition_and_is_seen_when_it_comes(new_operator, wish):
    new_operator()
    wish.cluster.kubectl("delete", "deployment", "vllm", "-n", wish.namespace)
    wish.apply(paused=False)
    clusters.until("it is told", lambda: wish.condition("TargetReady").get("status") == "False")
    assert "create it" in wish.condition("TargetReady")["message"]
    wish.surroundings()
    clusters.until("it is seen", lambda: wish.condition("TargetReady").get("status") == "True")


def test_a_config_map_is_seen_when_it_comes_and_when_it_is_mended(new_operator, wish):
    """Well before the operator lists everything again, which it does every five minutes."""

    def reason():
        return wish.condition("BriefReady").get("reason")

    new_operator()
    wish.cluster.kubectl("delete", "configmap", "fleet", "-n", wish.namespace)
    wish.apply()
    clusters.until("it is told", lambda: reason() == "ConfigMapMissing")
    create = ("create", "configmap", "fleet", "-n", wish.namespace, "--from-literal=fleet.yaml=groups: none")
    wish.cluster.kubectl(*create)
    clusters.until("it is seen", lambda: reason() == "BadInput")
    wish.surroundings()
    wish.until("Studying", "AwaitingApproval")


def test_sigterm_ends_it_within_ten_seconds_in_mid_study(new_operator, wish):
    operator = new_operator()
    wish.apply()
    wish.until("Studying")
    status, took_s = operator.stop()
    assert status == 0
    assert took_s < 10
    assert wish.cluster.get("lease", "glia-operator", "-n", SYSTEM)["spec"].get("holderIdentity", "") == ""


def test_its_servers_speak(new_operator, wish):
    operator = new_operator()
    clusters.until("it leads", lambda: operator.role == "leader")
    assert operator.ask("/healthz")[0] == 200
    assert "glia_leader 1.0" in operator.ask("/metrics", operator.metrics)[1]
    listed = 'glia_api_requests_total{code="200",verb="list"}'  # it looks for work once it leads
    clusters.until("it has listed", lambda: listed in operator.ask("/metrics", operator.metrics)[1])
    assert all({"event", "level", "timestamp"} <= set(line) for line in operator.lines())

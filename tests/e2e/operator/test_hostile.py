"""What the API server lets in and nobody should have written: the operator says what to mend, and stays calm."""

from __future__ import annotations

import json
import time
import uuid

import pytest

from controlplane import cluster as clusters
from hostile import cases

USER = "system:serviceaccount:glia-system:glia-operator"
JUDGED = (*cases.OPERATOR, *cases.POLICIES)
SECONDS = 300


@pytest.fixture(scope="module")
def places(installed):
    """A namespace for each case, with its objects; all are judged by one operator at the same time."""
    made = {}
    for case in JUDGED:
        made[case.name] = f"h-{uuid.uuid4().hex[:8]}"
        installed.kubectl("create", "namespace", made[case.name])
        for body in case.objects:
            document = json.dumps({**body, "metadata": {**body["metadata"], "namespace": made[case.name]}})
            installed.kubectl("apply", "-n", made[case.name], "-f", "-", given=document)
    yield made
    for name in made.values():
        installed.kubectl("delete", "namespace", name, "--wait=false")


def said(cluster, namespace, body):
    """Everything that the status says is wrong."""
    plural = {"GliaOptimization": "gliaoptimizations", "GliaPolicy": "gliapolicies"}[body["kind"]]
    status = cluster.get(plural, body["metadata"]["name"], "-n", namespace).get("status", {})
    bad = [one.get("message", "") for one in status.get("conditions", []) if one["status"] != "True"]
    degraded = [one.get("message", "") for one in status.get("conditions", []) if one["type"] == "Degraded"]
    return "\n".join([status.get("message", ""), *bad, *degraded])


def test_every_hostile_object_is_judged_in_words_and_the_operator_stays_calm(
    new_operator, installed, places, until_quiet
):
    operator = new_operator(everywhere=True)
    for case in JUDGED:
        body = case.objects[-1]
        clusters.until(
            f"{case.name!r} says {case.says}",
            lambda case=case, body=body: all(words in said(installed, places[case.name], body) for words in case.says),
            timeout_s=SECONDS,
        )
    until_quiet()
    assert operator.process.poll() is None
    mark = installed.audit_mark()
    time.sleep(15)
    asked = [one for one in installed.requests(since=mark) if one.user == USER and one.resource != "leases"]
    assert [one for one in asked if one.verb not in ("get", "list", "watch")] == []
    assert len(asked) < 60, "looks that find nothing new must be rare"
    assert "user:password" not in operator.log.read_text()


@pytest.mark.parametrize("case", cases.POLICIES, ids=lambda case: case.name)
def test_a_made_up_policy_is_never_approved(installed, places, case):
    """Whoever writes an approval, an invalid policy does not become Approved."""
    body = case.objects[-1]
    found = installed.get("gliapolicies", body["metadata"]["name"], "-n", places[case.name])
    valid = {one["type"]: one for one in found["status"]["conditions"]}["Valid"]
    assert (valid["status"], valid["reason"]) == ("False", "Invalid")
    assert found["status"]["phase"] == "Proposed"

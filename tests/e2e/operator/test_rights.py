"""The operator uses the rights that it has, and has none that it does not use."""

from __future__ import annotations

import json

import pytest

from controlplane import cluster as clusters

SYSTEM = "glia-system"
USER = f"system:serviceaccount:{SYSTEM}:glia-operator"
USED_OF_OURS = {
    ("list", "gliaoptimizations", ""),
    ("watch", "gliaoptimizations", ""),
    ("patch", "gliaoptimizations", "status"),
    ("list", "gliapolicies", ""),
    ("watch", "gliapolicies", ""),
    ("create", "gliapolicies", ""),
    ("patch", "gliapolicies", ""),
    ("patch", "gliapolicies", "status"),
    ("list", "deployments", ""),
    ("watch", "deployments", ""),
    ("get", "configmaps", ""),
    ("list", "configmaps", ""),
    ("watch", "configmaps", ""),
    ("create", "configmaps", ""),
    ("patch", "configmaps", ""),
    ("create", "events", ""),
    ("patch", "leases", ""),
}


def test_what_it_does_is_allowed_and_what_it_may_do_it_does(new_operator, wish):
    mark = wish.cluster.audit_mark()
    new_operator()
    wish.apply(rollout={"approval": "Automatic"})
    wish.until("Approved")
    asked = [one for one in wish.cluster.requests(since=mark) if one.user == USER]
    assert [one for one in asked if one.code in (401, 403)] == []
    used = {(one.verb, one.resource, one.subresource) for one in asked if one.code < 300}
    assert used >= USED_OF_OURS, USED_OF_OURS - used


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("get", "secrets"),
        ("list", "pods"),
        ("patch", "deployments.apps"),
        ("delete", "gliaoptimizations.glia.dev"),
        ("patch", "gliaoptimizations.glia.dev"),
        ("delete", "gliapolicies.glia.dev"),
        ("create", "clusterroles.rbac.authorization.k8s.io"),
        ("list", "customresourcedefinitions.apiextensions.k8s.io"),
        ("impersonate", "users"),
    ],
)
def test_what_it_lacks_is_refused(installed, operator_kubeconfig, verb, what):
    answer = installed.kubectl("create", "-f", "-", "-o", "json", given=json.dumps(review(verb, what)))
    assert json.loads(answer)["status"].get("allowed") is False


def review(verb, what):
    resource, _, group = what.partition(".")
    attributes = {"verb": verb, "resource": resource, "group": group, "namespace": "default"}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": USER, "groups": [f"system:serviceaccounts:{SYSTEM}"], "resourceAttributes": attributes},
    }


def test_without_its_rights_it_says_so_and_goes_on_when_they_come(new_operator, wish):
    """An operator whose user may do nothing waits; nothing breaks down."""
    nobody = wish.cluster.user("nobody")
    operator = new_operator(kubeconfig=nobody.kubeconfig)
    clusters.until("it is refused", lambda: any("403" in line.get("error", "") for line in operator.lines()))
    assert operator.role == "standby"
    assert operator.process.poll() is None

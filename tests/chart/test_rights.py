"""The operator has the rights it uses, and nobody gets more by installing the chart."""

from __future__ import annotations

import pytest

OPERATOR = {
    ("glia.dev", "gliaoptimizations"): {"get", "list", "watch"},
    ("glia.dev", "gliaoptimizations/status"): {"patch"},
    ("glia.dev", "gliapolicies"): {"get", "list", "watch", "create", "patch", "approve"},
    ("glia.dev", "gliapolicies/status"): {"patch"},
    ("apps", "deployments"): {"list", "watch"},
    ("", "configmaps"): {"get", "list", "watch", "create", "patch", "delete"},
    ("", "events"): {"get", "create", "patch"},
}
ROLES = ("Role", "ClusterRole")


def rules(objects):
    return [(role, rule) for kind in ROLES for role in objects.of(kind) for rule in role["rules"]]


def granted(role):
    """Verbs by (group, resource) of rules that name no object."""
    found: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


def test_no_rule_has_a_wildcard(rendered):
    for role, rule in rules(rendered):
        words = [
            *rule.get("apiGroups", []),
            *rule.get("resources", []),
            *rule["verbs"],
            *rule.get("nonResourceURLs", []),
        ]
        assert not [word for word in words if "*" in word], role["metadata"]["name"]


def test_a_secret_may_be_read_only_where_it_is_named(render):
    assert [rule for _, rule in rules(render()) if "secrets" in rule["resources"]] == []
    found = [(role, rule) for role, rule in rules(render("placed")) if "secrets" in rule["resources"]]
    assert [(role["kind"], role["metadata"]["namespace"]) for role, _ in found] == [("Role", "chat")]
    assert [(rule["verbs"], rule["resourceNames"]) for _, rule in found] == [(["get"], ["model-key"])]


def test_nobody_may_touch_tokens_or_write_rights(rendered):
    closed = {"serviceaccounts/token", "roles", "rolebindings", "clusterroles", "clusterrolebindings"}
    closed |= {"pods/exec", "pods/ephemeralcontainers", "pods/portforward", "nodes/proxy"}
    for role, rule in rules(rendered):
        assert not closed & set(rule["resources"]), role["metadata"]["name"]
        assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"]), role["metadata"]["name"]


def test_the_operator_has_exactly_the_rights_listed_here(render):
    assert granted(render().one("ClusterRole")) == OPERATOR


def test_a_list_of_namespaces_replaces_every_cluster_wide_right_of_the_operator(render):
    objects = render("namespaced-ha")
    assert objects.of("ClusterRoleBinding") == []
    for namespace in ("chat", "search"):
        (role,) = (each for each in objects.of("Role") if each["metadata"]["namespace"] == namespace)
        assert granted(role) == OPERATOR
    arguments = objects.one("Deployment", "glia-team")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert [each for each in arguments if each.startswith("--namespace")] == ["--namespace=chat", "--namespace=search"]


def test_leases_are_named_wherever_rbac_can_name_them(render):
    (role,) = (each for each in render().of("Role") if each["metadata"]["name"] == "glia-operator-leader-election")
    unnamed = [rule for rule in role["rules"] if "resourceNames" not in rule]
    assert [rule["verbs"] for rule in unnamed] == [["create"]]
    assert {name for rule in role["rules"] for name in rule.get("resourceNames", [])} == {"glia-operator"}


def test_the_helm_test_reads_two_named_objects_and_nothing_else(render):
    role = render().one("Role", "glia-operator-test")
    assert all(rule["resourceNames"] == ["glia-operator"] and rule["verbs"] == ["get"] for rule in role["rules"])


def test_every_binding_is_to_an_account_of_the_release(rendered):
    accounts = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in rendered.of("ServiceAccount")}
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for binding in rendered.of(kind):
            assert {(one["namespace"], one["name"]) for one in binding["subjects"]} <= accounts
            assert {one["kind"] for one in binding["subjects"]} == {"ServiceAccount"}


def test_every_binding_names_a_role_that_the_release_has(rendered):
    for binding in [*rendered.of("RoleBinding"), *rendered.of("ClusterRoleBinding")]:
        namespace = binding["metadata"].get("namespace")
        wanted = binding["roleRef"]
        held = [
            each["metadata"] for each in rendered.of(wanted["kind"]) if each["metadata"].get("namespace") == namespace
        ]
        assert wanted["name"] in {each["name"] for each in held}


@pytest.mark.parametrize("target", ["view", "edit", "admin"])
def test_no_aggregated_role_lets_its_users_decide_about_policies(target, render):
    label = f"rbac.authorization.k8s.io/aggregate-to-{target}"
    roles = [each for each in render().of("ClusterRole") if label in each["metadata"]["labels"]]
    assert roles
    for role in roles:
        assert granted(role).get(("glia.dev", "gliapolicies"), set()) <= {"get", "list", "watch"}


def test_viewers_only_read(render):
    role = render().one("ClusterRole", "glia-operator-view")
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}


def test_approvers_may_approve_and_write_nothing_else(render):
    role = granted(render().one("ClusterRole", "glia-approver"))
    assert role[("glia.dev", "gliapolicies")] == {"get", "list", "watch", "patch", "update", "approve"}
    assert role[("glia.dev", "gliaoptimizations")] == {"get", "list", "watch"}


def test_the_account_gives_its_token_to_the_operators_pods_alone(rendered):
    assert all(each["automountServiceAccountToken"] is False for each in rendered.of("ServiceAccount"))
    assert all(pod["automountServiceAccountToken"] is True for pod in rendered.pods())

"""Under the chart's roles the operator can do what it does, and nothing else."""

from __future__ import annotations

import json

import pytest

LABEL = {"app.kubernetes.io/managed-by": "glia-operator"}


def config_map(name, labels=None, **more):
    meta = {"name": name, "labels": labels or {}}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "b"}, **more})


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("get", "secrets"),
        ("list", "secrets"),
        ("create", "pods"),
        ("get", "pods/log"),
        ("create", "pods/exec"),
        ("patch", "deployments.apps"),
        ("patch", "deployments.apps/scale"),
        ("delete", "gliapolicies.glia.dev"),
        ("patch", "gliaoptimizations.glia.dev"),
        ("create", "rolebindings.rbac.authorization.k8s.io"),
        ("impersonate", "users"),
        ("get", "nodes"),
        ("patch", "leases.coordination.k8s.io"),
        ("create", "leases.coordination.k8s.io"),
    ],
)
def test_what_the_operator_does_not_need_is_refused(verb, what, operator):
    assert not operator.may(verb, what)


def test_the_operator_writes_its_notebooks_and_nobody_elses_config_maps(cluster, operator, namespace):
    operator.kubectl("create", "-n", namespace, "-f", "-", given=config_map("notebook", LABEL))
    operator.kubectl("patch", "configmap", "notebook", "-n", namespace, "--type=merge", "-p", '{"data": {"a": "c"}}')
    operator.kubectl("delete", "configmap", "notebook", "-n", namespace)

    cluster.kubectl("create", "-n", namespace, "-f", "-", given=config_map("others"))
    foreign = "the operator writes only ConfigMaps labelled"
    assert foreign in operator.refusal("create", "-n", namespace, "-f", "-", given=config_map("plain"))
    patch = ("patch", "configmap", "others", "-n", namespace, "--type=merge", "-p")
    assert foreign in operator.refusal(*patch, '{"data": {"a": "c"}}')
    assert foreign in operator.refusal(*patch, json.dumps({"metadata": {"labels": LABEL}}))
    assert foreign in operator.refusal("delete", "configmap", "others", "-n", namespace)


def test_users_write_their_config_maps_as_ever(cluster, namespace):
    cluster.kubectl("create", "configmap", "mine", "-n", namespace, "--from-literal=a=b")
    cluster.kubectl("delete", "configmap", "mine", "-n", namespace)


def test_editors_of_a_namespace_write_optimizations_and_only_read_policies(cluster, installed, namespace):
    cluster.kubectl("create", "rolebinding", "editors", "-n", namespace, "--clusterrole=edit", "--user=edna")
    edna = cluster.user("edna")
    edna.until_may("create", "gliaoptimizations.glia.dev", namespace=namespace)
    edna.until_may("list", "gliapolicies.glia.dev", namespace=namespace)
    for verb in ("create", "patch", "approve", "delete"):
        assert not edna.may(verb, "gliapolicies.glia.dev", namespace=namespace)

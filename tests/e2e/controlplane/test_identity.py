"""Who asks is known, held to RBAC, and written down."""

from __future__ import annotations

import dataclasses
import json

import pytest

from controlplane import cluster as clusters
from controlplane import objects

ASK = """
import kubernetes as k
k.config.load_incluster_config()
who = k.client.AuthenticationV1Api().create_self_subject_review({}).status.user_info.username
print(who)
core = k.client.CoreV1Api()
print(len(core.list_namespaced_config_map(NAMESPACE).items) > 0)
try:
    core.list_namespaced_secret(NAMESPACE)
except k.client.ApiException as refused:
    print(refused.status)
"""


def role(name, account, *rules):
    subject = {"kind": "ServiceAccount", "name": account}
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": name},
            "rules": list(rules),
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name},
            "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        },
    )


@pytest.mark.smoke
def test_a_pod_is_its_service_account_and_rbac_refuses_what_it_lacks(local_cluster, namespace):
    cluster = local_cluster
    may_read = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}
    mark = cluster.audit_mark()
    cluster.apply(*role("reader", "reader", may_read), namespace=namespace)
    asker = objects.python(ASK.replace("NAMESPACE", repr(namespace)))
    cluster.apply(objects.pod("asker", asker, serviceAccountName="reader"), namespace=namespace)
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/asker", "-n", namespace, "--timeout=240s")
    name = f"system:serviceaccount:{namespace}:reader"
    assert cluster.log("asker", namespace=namespace).split() == [name, "True", "403"]
    asked = [(each.verb, each.resource, each.code) for each in cluster.requests(since=mark) if each.user == name]
    assert ("list", "configmaps", 200) in asked
    assert ("list", "secrets", 403) in asked


def test_another_user_has_a_certificate_and_only_what_is_granted(local_cluster, namespace):
    cluster = local_cluster
    anna = cluster.user("anna", "team-a")
    mark = cluster.audit_mark()
    assert "forbidden" in anna.refusal("get", "configmaps", "-n", namespace)
    cluster.kubectl("create", "rolebinding", "team", "--clusterrole=view", "--group=team-a", "-n", namespace)
    anna.until_may("list", "configmaps", namespace=namespace)
    assert "configmap/kube-root-ca.crt" in anna.kubectl("get", "configmaps", "-n", namespace, "-o", "name")
    asked = (each for each in cluster.requests(since=mark) if each.user == "anna")
    assert [each.code for each in asked if each.resource == "configmaps"] == [403, 200]


def test_who_is_not_recognised_has_no_name_in_the_audit_log(local_cluster, namespace, tmp_path):
    cluster = local_cluster
    content = json.loads(cluster.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": "of an account that was deleted"}
    (tmp_path / "kubeconfig").write_text(json.dumps(content))
    mark = cluster.audit_mark()
    stranger = dataclasses.replace(cluster, kubeconfig=tmp_path / "kubeconfig")
    assert "Unauthorized" in stranger.refusal("get", "configmaps", "-n", namespace)
    strangers = [each.code for each in cluster.requests(since=mark) if not each.user]
    assert strangers
    assert set(strangers) == {401}


def test_the_audit_log_tells_whose_controller_did_what(local_cluster, namespace):
    cluster = local_cluster
    mark = cluster.audit_mark()
    cluster.apply(objects.deployment("web", replicas=1), namespace=namespace)
    cluster.kubectl("rollout", "status", "deploy/web", "-n", namespace, "--timeout=240s")
    wanted = {
        ("glia-test-admin", "create", "deployments"),
        ("system:serviceaccount:kube-system:deployment-controller", "create", "replicasets"),
        ("system:serviceaccount:kube-system:replicaset-controller", "create", "pods"),
        ("system:kube-scheduler", "create", "pods"),
        ("glia-node-agent", "patch", "pods"),
    }

    def told():
        asked = [each for each in cluster.requests(since=mark) if each.namespace == namespace]
        return {(each.user, each.verb, each.resource) for each in asked}

    clusters.until("each of them is in the audit log", lambda: wanted <= told())

"""Helm installs, upgrades, rolls back and removes the chart on a real API server; nothing hangs and nothing is lost."""

from __future__ import annotations

import re
import shutil

import pytest

from controlplane import cluster as clusters

NAMESPACE = "glia-system"
SMALL = "resources.requests.cpu=100m,resources.requests.memory=256Mi"
KINDS = ("gliaoptimizations", "gliapolicies")


@pytest.fixture
def objects(cluster, installed, documents):
    """An optimisation and its policy, in a namespace of their own."""
    namespace = "chart-release"
    cluster.kubectl("create", "namespace", namespace)
    cluster.apply(documents["optimization"]("chat"), documents["policy"]("chat"), namespace=namespace)
    yield namespace
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def identities(cluster, namespace):
    return {each["metadata"]["uid"] for kind in KINDS for each in cluster.get(kind, "-n", namespace)}


def left(cluster):
    """Everything of the release that is still there, but for what Helm was told to keep."""
    kinds = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    closed = {"events", "events.events.k8s.io", "endpoints", "componentstatuses"}
    wanted = ",".join(kind for kind in kinds if kind not in closed)
    labelled = cluster.get(wanted, "-A", "-l", "app.kubernetes.io/instance=glia-operator")
    named = cluster.get("lease", "-n", NAMESPACE)
    return [
        f"{each['kind']} {each['metadata']['name']}"
        for each in [*labelled, *named]
        if each["metadata"].get("annotations", {}).get("helm.sh/resource-policy") != "keep"
    ]


def test_custom_resources_outlive_upgrade_rollback_and_uninstall(cluster, release, installed, objects):
    before = identities(cluster, objects)
    assert len(before) == 2

    release.helm("upgrade", "--set", f"{SMALL},replicas=2,logLevel=debug")
    assert cluster.get("deployment", "glia-operator", "-n", NAMESPACE)["spec"]["replicas"] == 2
    assert cluster.get("poddisruptionbudget", "glia-operator", "-n", NAMESPACE)
    assert identities(cluster, objects) == before

    cluster.helm("rollback", "glia-operator", "1", "-n", NAMESPACE)
    assert cluster.get("deployment", "glia-operator", "-n", NAMESPACE)["spec"]["replicas"] == 1
    assert "NotFound" in cluster.refusal("get", "poddisruptionbudget", "glia-operator", "-n", NAMESPACE)
    assert identities(cluster, objects) == before

    release.uninstall()
    clusters.until("nothing of the release is left", lambda: not left(cluster))
    assert identities(cluster, objects) == before

    release.install("--set", SMALL)
    assert identities(cluster, objects) == before


def test_an_upgrade_brings_new_definitions(cluster, release, installed, chart, tmp_path):
    older = tmp_path / "glia-operator"
    shutil.copytree(chart, older)
    (path,) = older.glob("files/crds/*_gliaassignments.yaml")
    text = path.read_text(encoding="utf-8")
    path.write_text(
        re.sub(r"(    additionalPrinterColumns:\n)(?:    .*\n)*?(?=    schema:)", "", text), encoding="utf-8"
    )

    def columns():
        return cluster.get("crd", "gliaassignments.glia.dev")["spec"]["versions"][0].get("additionalPrinterColumns", [])

    cluster.helm("upgrade", "glia-operator", str(older), "-n", NAMESPACE, "--set", SMALL)
    assert len(columns()) <= 1  # the API server's own: Age
    release.helm("upgrade", "--set", SMALL)
    assert len(columns()) > 1


def test_watching_fewer_namespaces_takes_the_other_rights_away(cluster, release, installed, namespace):
    release.helm("upgrade", "--set", f"{SMALL},watchNamespaces={{{namespace}}}")
    assert "NotFound" in cluster.refusal("get", "clusterrolebinding", "glia-operator")
    assert cluster.get("rolebinding", "glia-operator", "-n", namespace)
    release.helm("upgrade", "--set", SMALL)
    assert cluster.get("clusterrolebinding", "glia-operator")
    assert "NotFound" in cluster.refusal("get", "rolebinding", "glia-operator", "-n", namespace)


def test_helm_test_passes_on_a_release_that_works(release, installed):
    if not release.works:
        pytest.skip("the command `glia operate` is not there yet, so the operator's pods cannot become ready")
    assert re.search(r"Phase:\s+Succeeded", release.helm("test", "--timeout", "240s"))


def test_the_operators_pods_pass_the_restricted_standard(cluster, release, installed):
    cluster.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted", "--overwrite")
    cluster.kubectl("rollout", "restart", "deployment/glia-operator", "-n", NAMESPACE)
    cluster.kubectl("rollout", "status", "deployment/glia-operator", "-n", NAMESPACE, "--timeout=240s")
    events = cluster.get("events", "-n", NAMESPACE, "--field-selector", "reason=FailedCreate")
    assert [each["message"] for each in events if "violates PodSecurity" in each["message"]] == []

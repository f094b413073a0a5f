"""A real Helm installs, tests, upgrades, rolls back and uninstalls, with hooks that run as pods."""

from __future__ import annotations

import json

import pytest

from controlplane import objects


@pytest.fixture
def chart(tmp_path):
    """A chart with a Deployment, a hook that runs before each upgrade, and a test that calls the Service."""
    folder = tmp_path / "tiny"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: tiny, version: 0.1.0}")
    (folder / "values.yaml").write_text("{replicas: 1}")
    web = json.dumps(objects.deployment("web", replicas=1)).replace(
        '"replicas": 1', '"replicas": {{ .Values.replicas }}'
    )
    call = "import urllib.request as u; print('answered', u.urlopen('http://web/env').status)"
    templates = {
        "web": web,
        "service": json.dumps(objects.service("web")),
        "hook": json.dumps(_hooked(objects.pod("hook", objects.python("print('before')")), "pre-upgrade")),
        "test": json.dumps(_hooked(objects.pod("call", objects.python(call)), "test")),
    }
    for name, text in templates.items():
        (folder / "templates" / f"{name}.yaml").write_text(text)
    return str(folder)


def _hooked(pod, when):
    pod["metadata"]["annotations"] = {"helm.sh/hook": when, "helm.sh/hook-delete-policy": "before-hook-creation"}
    return pod


def test_a_chart_goes_through_its_whole_life(local_cluster, namespace, chart):
    cluster, into = local_cluster, ("-n", namespace)

    def replicas():
        return cluster.get("deploy/web", *into)["status"]["readyReplicas"]

    cluster.helm("install", "tiny", chart, *into, "--wait", "--timeout", "240s")
    assert replicas() == 1
    assert "answered 200" in cluster.helm("test", "tiny", *into, "--logs", "--timeout", "240s")
    cluster.helm("upgrade", "tiny", chart, *into, "--set", "replicas=2", "--wait", "--timeout", "240s")
    assert replicas() == 2
    assert cluster.log("hook", namespace=namespace) == "before\n"
    cluster.helm("rollback", "tiny", "1", *into, "--wait", "--timeout", "240s")
    assert replicas() == 1
    cluster.helm("uninstall", "tiny", *into, "--wait", "--timeout", "240s")
    assert cluster.get("deploy,service", *into) == []

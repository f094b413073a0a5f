"""Clusters live side by side, run without namespaces too, and leave nothing behind."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from controlplane import cluster as clusters
from controlplane import faults, local, namespaces, objects, places, source

COMMAND = [sys.executable, "-m", "controlplane"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(places.REPOSITORY / "tests")}
WHO = """
import kubernetes as k
k.config.load_kube_config()
print(k.client.AuthenticationV1Api().create_self_subject_review({}).status.user_info.username)
"""


@pytest.fixture
def second(local_cluster, tmp_path, monkeypatch):
    """The folder for a cluster beside the one of this run."""
    monkeypatch.delenv("GLIA_CLUSTER", raising=False)
    return tmp_path / "c"


def processes_of(folder):
    """Processes that have this folder in their command line, whichever namespace they are in."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(words.replace(b"\0", b" ").decode())
    return found


def test_a_cluster_lives_beside_others_and_stops_without_a_trace(second):
    with local.running(second, nodes={"a10": 1}):
        assert len(processes_of(second)) >= 6
        with pytest.raises(faults.ClusterFault, match="a cluster runs already"):
            local.start(second)
        assert local.stop(second)
    assert processes_of(second) == []
    assert not local.stop(second)
    assert (second / "logs" / "kube-apiserver.log").exists()


def test_when_its_starter_is_killed_a_cluster_and_its_pods_end(second):
    hold = [*COMMAND, "run", "--state", str(second), "--nodes", "cpu=1", "sleep", "600"]
    starter = subprocess.Popen(hold, env=ENVIRONMENT, stderr=subprocess.DEVNULL)  # noqa: S603 - our own
    try:
        clusters.until("the cluster runs", lambda: local.holder(second), timeout_s=400)
        inside = [*COMMAND, "inside", "--state", str(second), "kubectl", "create", "-f", "-"]
        mark = objects.python(f"import time; time.sleep(600)  # {second}")
        pod = json.dumps(objects.pod("sleeper", mark))
        subprocess.run(inside, env=ENVIRONMENT, input=pod, text=True, check=True, capture_output=True)  # noqa: S603
        clusters.until("its pod runs", lambda: [line for line in processes_of(second) if "time.sleep" in line])
    finally:
        starter.send_signal(signal.SIGKILL)
        starter.wait()
    clusters.until("nothing is left", lambda: not processes_of(second))


def refuse():
    raise faults.ClusterFault("not in this test")


def test_without_namespaces_pods_live_on_loopback_addresses_and_are_still_themselves(second, monkeypatch):
    monkeypatch.setattr(namespaces, "own", refuse)
    with local.running(second, nodes={"cpu": 1}), source.entered(second) as cluster:
        cluster.apply(objects.deployment("web", replicas=1), objects.pod("who", objects.python(WHO)))
        cluster.kubectl("rollout", "status", "deploy/web", "--timeout=240s")
        cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/who", "--timeout=240s")
        assert cluster.log("who") == "system:serviceaccount:default:default\n"
        assert cluster.get("pods", "-l", "app=web")[0]["status"]["podIP"].startswith("127.99.1.")
    assert processes_of(second) == []


def test_a_cluster_that_does_not_start_says_why(second, monkeypatch, tmp_path):
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "etcd").write_text("#!/bin/sh\nexit 1\n")
    (assets / "etcd").chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    with pytest.raises(faults.ClusterFault, match=r"etcd ended while waiting .* logs are in"):
        local.start(second)
    assert processes_of(second) == []

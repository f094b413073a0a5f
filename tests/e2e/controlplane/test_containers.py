"""A container sees what its pod says: variables, volumes, a root of its own; its probes and hooks are honoured."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request

import pytest

from controlplane import cluster as clusters
from controlplane import objects


def ask(address, path, *, post=False):
    request = urllib.request.Request(f"http://{address}:8000{path}", data=b"" if post else None)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http
        return answer.read().decode()


def started(cluster, namespace, pod):
    cluster.apply(pod, namespace=namespace)
    name = pod["metadata"]["name"]
    cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "-n", namespace, "--timeout=240s")
    return cluster.get(f"pod/{name}", "-n", namespace)


def status_of(cluster, namespace, name):
    return cluster.get(f"pod/{name}", "-n", namespace)["status"]["containerStatuses"][0]


@pytest.fixture
def sources(local_cluster, namespace):
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings"},
        "data": {"A": "1", "B.txt": "b"},
    }
    key = base64.b64encode(b"hush").decode()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "data": {"key": key}}
    local_cluster.apply(config, secret, namespace=namespace)
    return local_cluster


def test_variables_come_from_fields_maps_and_secrets(sources, namespace):
    def ref(kind, **wanted):
        return {"valueFrom": {kind: wanted}}

    container = objects.witness_container()
    container["env"] = [
        {"name": "ME", **ref("fieldRef", fieldPath="metadata.name")},
        {"name": "WHERE", **ref("fieldRef", fieldPath="status.podIP")},
        {"name": "APP", **ref("fieldRef", fieldPath="metadata.labels['app']")},
        {"name": "KEY", **ref("secretKeyRef", name="keys", key="key")},
        {"name": "ABSENT", **ref("configMapKeyRef", name="settings", key="none", optional=True)},
        {"name": "URL", "value": "http://$(WHERE)/$(ME)/$$(ME)/$(NOBODY)"},
    ]
    container["envFrom"] = [{"configMapRef": {"name": "settings"}, "prefix": "S_"}]
    pod = started(sources, namespace, objects.pod("seer", container))
    address = pod["status"]["podIP"]
    seen = json.loads(ask(address, "/env"))
    assert seen["URL"] == f"http://{address}/seer/$(ME)/$(NOBODY)"
    assert (seen["APP"], seen["KEY"], seen["S_A"], seen["POD_IP"]) == ("seer", "hush", "1", address)
    assert "ABSENT" not in seen


def test_volumes_stand_where_the_container_wants_them(sources, namespace):
    container = objects.witness_container()
    container["volumeMounts"] = [
        {"name": "settings", "mountPath": "/etc/settings"},
        {"name": "keys", "mountPath": "/deep/one/key", "subPath": "key"},
        {"name": "shared", "mountPath": "/var/run/shared"},
    ]
    volumes = [
        {"name": "settings", "configMap": {"name": "settings", "items": [{"key": "B.txt", "path": "sub/b"}]}},
        {"name": "keys", "secret": {"secretName": "keys"}},
        {"name": "shared", "emptyDir": {}},
    ]
    first = {**objects.python("open('/x/told', 'w').write('hello')"), "name": "first"}
    first["volumeMounts"] = [{"name": "shared", "mountPath": "/x"}]
    pod = started(sources, namespace, objects.pod("seer", container, volumes=volumes, initContainers=[first]))
    address = pod["status"]["podIP"]
    assert ask(address, "/file?/etc/settings/sub/b") == "b"
    assert ask(address, "/file?/deep/one/key") == "hush"
    assert ask(address, "/file?/var/run/shared/told") == "hello"
    assert ask(address, "/file?/var/run/secrets/kubernetes.io/serviceaccount/namespace") == namespace


def test_a_pod_waits_for_a_config_map_that_comes_later(local_cluster, namespace):
    cluster = local_cluster
    container = {**objects.witness_container(), "envFrom": [{"configMapRef": {"name": "late"}}]}
    cluster.apply(objects.pod("waiter", container), namespace=namespace)
    clusters.until(
        "it says what is missing",
        lambda: "late not found" in json.dumps(cluster.get("pod/waiter", "-n", namespace).get("status", {})),
    )
    cluster.kubectl("create", "configmap", "late", "--from-literal=X=y", "-n", namespace)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/waiter", "-n", namespace, "--timeout=240s")


def test_what_a_container_writes_to_its_root_vanishes_and_a_read_only_root_refuses(local_cluster, namespace):
    cluster = local_cluster
    write = (
        "import pathlib, sys; p = pathlib.Path('/witnessed'); sys.exit(3 if p.exists() else p.write_text('x') and 0)"
    )
    for name in ("one", "two"):
        cluster.apply(objects.pod(name, objects.python(write)), namespace=namespace)
        cluster.kubectl(
            "wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{name}", "-n", namespace, "--timeout=240s"
        )
    sealed = objects.python(write, securityContext={"readOnlyRootFilesystem": True})
    cluster.apply(objects.pod("sealed", sealed), namespace=namespace)
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/sealed", "-n", namespace, "--timeout=240s")
    assert "Read-only file system" in cluster.log("sealed", namespace=namespace)


def test_a_liveness_probe_that_fails_restarts_the_container_and_a_startup_probe_holds_it_back(local_cluster, namespace):
    cluster = local_cluster
    alive = {"httpGet": {"path": "/ready", "port": 8000}, "periodSeconds": 1, "failureThreshold": 2}
    alive["timeoutSeconds"] = objects.PATIENCE_S
    began = {"exec": {"command": ["test", "-e", "/started"]}, "periodSeconds": 1, "failureThreshold": 90}
    began["timeoutSeconds"] = objects.PATIENCE_S
    container = objects.witness_container() | {"livenessProbe": alive, "startupProbe": began}
    inner = ["sh", "-c", f"(sleep 1; touch /started) & exec {' '.join(container['command'])}"]
    pod = started(cluster, namespace, objects.pod("fickle", container | {"command": inner}, restartPolicy="Always"))
    state = status_of(cluster, namespace, "fickle")
    assert state["started"]
    assert state["restartCount"] == 0
    ask(pod["status"]["podIP"], "/ready/no", post=True)
    clusters.until(
        "it was restarted and is well",
        lambda: (s := status_of(cluster, namespace, "fickle"))["restartCount"] == 1 and s["ready"],
    )


def test_a_crash_loop_backs_off_and_a_command_that_does_not_exist_says_so(local_cluster, namespace):
    cluster = local_cluster
    crash = objects.pod("crash", objects.python("raise SystemExit(5)"), restartPolicy="Always")
    absent = objects.pod("absent", {"name": "main", "image": "x", "command": ["/no/such/program"]})
    nothing = objects.pod("nothing", {"name": "main", "image": "registry/unknown:1"})
    cluster.apply(crash, absent, nothing, namespace=namespace)
    clusters.until(
        "it waits to be restarted",
        lambda: "CrashLoopBackOff" in json.dumps(cluster.get("pod/crash", "-n", namespace)["status"]),
    )
    assert status_of(cluster, namespace, "crash")["lastState"]["terminated"]["exitCode"] == 5
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/absent", "-n", namespace, "--timeout=240s")
    assert status_of(cluster, namespace, "absent")["state"]["terminated"]["exitCode"] == 127
    clusters.until(
        "it says why it cannot start",
        lambda: "needs a command" in json.dumps(cluster.get("pod/nothing", "-n", namespace)["status"]),
    )


def test_the_hook_before_the_stop_runs_first_and_counts_toward_the_grace_period(local_cluster, namespace):
    cluster = local_cluster
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hooked > /proc/1/fd/1; sleep 1"]}}}
    started(cluster, namespace, objects.pod("hooked", objects.witness_container() | {"lifecycle": hook}))
    cluster.kubectl("delete", "pod/hooked", "-n", namespace, "--grace-period=120")
    assert cluster.log("hooked", namespace=namespace) == "hooked\ntold to leave\nleft\n"


def test_a_job_tries_again_until_its_limit(local_cluster, namespace):
    cluster = local_cluster
    template = {"spec": {"restartPolicy": "Never", "containers": [objects.python("raise SystemExit(1)")]}}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "bad"},
        "spec": {"backoffLimit": 0, "template": template},
    }
    good = json.loads(json.dumps(job).replace("SystemExit(1)", "SystemExit(0)").replace("bad", "good"))
    cluster.apply(job, good, namespace=namespace)
    cluster.kubectl("wait", "--for=condition=complete", "job/good", "-n", namespace, "--timeout=240s")
    cluster.kubectl("wait", "--for=condition=failed", "job/bad", "-n", namespace, "--timeout=240s")

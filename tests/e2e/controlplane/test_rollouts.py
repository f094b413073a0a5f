"""Deployments are real: rollouts, scaling, drains, restarts and ends happen as on a cluster with machines."""

from __future__ import annotations

import time

import pytest

from controlplane import cluster as clusters
from controlplane import objects


def pods_of(cluster, namespace, name="web"):
    return [
        pod
        for pod in cluster.get("pods", "-n", namespace, "-l", f"app={name}")
        if "deletionTimestamp" not in pod["metadata"]
    ]


def is_ready(pod):
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in pod["status"].get("conditions", []))


def roll_out(cluster, namespace, deployment):
    cluster.apply(deployment, namespace=namespace)
    cluster.kubectl("rollout", "status", f"deploy/{deployment['metadata']['name']}", "-n", namespace, "--timeout=240s")


@pytest.mark.smoke
def test_a_deployment_becomes_ready_by_its_probe_and_scales_up_and_down(local_cluster, namespace):
    cluster = local_cluster
    roll_out(cluster, namespace, objects.deployment("web", replicas=2))
    pods = pods_of(cluster, namespace)
    assert len(pods) == 2
    assert all(is_ready(pod) for pod in pods)
    assert len({pod["status"]["podIP"] for pod in pods}) == 2
    for wanted in (4, 1):
        cluster.kubectl("scale", "deploy/web", f"--replicas={wanted}", "-n", namespace)
        clusters.until(
            f"{wanted} pods are ready and the others gone",
            lambda wanted=wanted: (
                len(cluster.get("pods", "-n", namespace)) == wanted
                and all(is_ready(pod) for pod in pods_of(cluster, namespace))
            ),
        )


def test_a_pod_is_asked_to_end_and_has_its_grace_period_to_do_so(local_cluster, namespace):
    cluster = local_cluster
    container = objects.witness_container(linger_s=1.0)
    cluster.apply(objects.pod("patient", container), namespace=namespace)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/patient", "-n", namespace, "--timeout=240s")
    began = time.monotonic()
    cluster.kubectl("delete", "pod/patient", "-n", namespace, "--grace-period=120")
    assert 0.9 < time.monotonic() - began < 60
    assert cluster.log("patient", namespace=namespace) == "told to leave\nleft\n"


def test_a_pod_that_does_not_end_is_killed_when_its_grace_period_is_over(local_cluster, namespace):
    cluster = local_cluster
    container = objects.witness_container(linger_s=600.0)
    cluster.apply(objects.pod("stubborn", container), namespace=namespace)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/stubborn", "-n", namespace, "--timeout=240s")
    began = time.monotonic()
    cluster.kubectl("delete", "pod/stubborn", "-n", namespace, "--grace-period=2")
    assert 1.5 < time.monotonic() - began < 60
    assert cluster.log("stubborn", namespace=namespace) == "told to leave\n"


def test_a_rolling_update_replaces_pods_one_by_one_and_never_has_fewer_ready(local_cluster, namespace):
    cluster = local_cluster
    roll_out(cluster, namespace, objects.deployment("web", replicas=3))
    before = {pod["metadata"]["uid"] for pod in pods_of(cluster, namespace)}
    changed = objects.deployment("web", replicas=3, container=objects.witness_container(image="witness:2"))
    cluster.apply(changed, namespace=namespace)
    seen = []

    def rolled_out():
        pods = pods_of(cluster, namespace)
        seen.append((sum(is_ready(pod) for pod in pods), len(pods)))
        return len(pods) == 3 and not before & {pod["metadata"]["uid"] for pod in pods if is_ready(pod)}

    clusters.until("all pods are new", rolled_out)
    assert min(ready for ready, _ in seen) >= 3
    assert max(total for _, total in seen) == 4


def test_a_drain_moves_pods_to_other_nodes_and_a_disruption_budget_slows_it(local_cluster, namespace):
    cluster = local_cluster
    web = objects.deployment("web", replicas=2, nodeSelector={"node.kubernetes.io/instance-type": "a10"})
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
    }
    cluster.apply(web, budget, namespace=namespace)
    cluster.kubectl("rollout", "status", "deploy/web", "-n", namespace, "--timeout=240s")
    clusters.until(
        "the budget counts its pods",
        lambda: cluster.get("pdb/web", "-n", namespace).get("status", {}).get("currentHealthy") == 2,
    )
    node = pods_of(cluster, namespace)[0]["spec"]["nodeName"]
    drain = ("drain", node, "--ignore-daemonsets", "--pod-selector", "app=web", "--timeout")
    try:
        clusters.until("the budget refuses", lambda: "disruption budget" in cluster.refusal(*drain, "3s"))
        cluster.kubectl("scale", "deploy/web", "--replicas=3", "-n", namespace)
        cluster.kubectl(*drain, "240s")
        clusters.until(
            "three pods are ready elsewhere",
            lambda: (
                [pod["spec"]["nodeName"] == node for pod in pods_of(cluster, namespace) if is_ready(pod)] == [False] * 3
            ),
        )
    finally:
        cluster.kubectl("uncordon", node)


def test_a_crashed_container_restarts_and_its_last_exit_is_told(local_cluster, namespace):
    cluster = local_cluster
    roll_out(cluster, namespace, objects.deployment("web", replicas=1))
    address = pods_of(cluster, namespace)[0]["status"]["podIP"]
    tell = f"import urllib.request as u; u.urlopen('http://{address}:8000/exit/7', data=b'')"
    cluster.apply(objects.pod("teller", objects.python(tell)), namespace=namespace)

    def crashed():
        status = pods_of(cluster, namespace)[0]["status"]["containerStatuses"][0]
        return status if status["restartCount"] == 1 and status["ready"] else None

    status = clusters.until("it runs again", crashed)
    assert status["lastState"]["terminated"]["exitCode"] == 7
    assert pods_of(cluster, namespace)[0]["status"]["podIP"] == address


def test_readiness_that_flips_takes_the_pod_out_of_its_service_and_back(local_cluster, namespace):
    cluster = local_cluster
    cluster.apply(objects.service("web"), namespace=namespace)
    roll_out(cluster, namespace, objects.deployment("web", replicas=1))
    address = pods_of(cluster, namespace)[0]["status"]["podIP"]

    def endpoints():
        slices = cluster.get("endpointslices", "-n", namespace, "-l", "kubernetes.io/service-name=web")
        return [
            (each["addresses"], each["conditions"]["ready"]) for entry in slices for each in entry["endpoints"] or []
        ]

    for verb, ready in (("no", False), ("yes", True)):
        tell = f"import urllib.request as u; u.urlopen('http://{address}:8000/ready/{verb}', data=b'')"
        cluster.apply(objects.pod(f"teller-{verb}", objects.python(tell)), namespace=namespace)
        clusters.until(f"readiness is {ready}", lambda ready=ready: endpoints() == [([address], ready)])


def test_a_kill_from_outside_is_told_as_signal_9(local_cluster, namespace):
    cluster = local_cluster
    cluster.apply(objects.pod("victim", objects.witness_container()), namespace=namespace)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/victim", "-n", namespace, "--timeout=240s")
    cluster.kill("victim", namespace=namespace)
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/victim", "-n", namespace, "--timeout=240s")
    ended = cluster.get("pod/victim", "-n", namespace)["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["signal"]) == (137, 9)

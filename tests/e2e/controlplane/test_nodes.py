"""Nodes look like machines with GPUs, hold no more than they have, and fail."""

from __future__ import annotations

import urllib.request

from controlplane import cluster as clusters
from controlplane import objects


def ready_state(cluster, name):
    conditions = cluster.get("node", name)["status"]["conditions"]
    return next(entry["status"] for entry in conditions if entry["type"] == "Ready")


def test_gpu_nodes_carry_the_labels_and_capacity_of_their_hardware(local_cluster):
    nodes = {node["metadata"]["name"]: node for node in local_cluster.get("nodes")}
    labels = nodes["h100-0"]["metadata"]["labels"]
    assert labels["nvidia.com/gpu.product"] == "NVIDIA-H100-80GB-HBM3"
    assert labels["nvidia.com/gpu.memory"] == "81559"
    assert nodes["h100-0"]["status"]["allocatable"]["nvidia.com/gpu"] == labels["nvidia.com/gpu.count"] == "8"
    assert nodes["a10-1"]["metadata"]["labels"]["nvidia.com/gpu.product"] == "NVIDIA-A10"
    assert "nvidia.com/gpu" not in nodes["cpu-0"]["status"]["capacity"]


def test_pods_wait_for_gpus_that_others_hold(local_cluster, namespace):
    cluster = local_cluster
    resources = {"limits": {"nvidia.com/gpu": "5"}}
    greedy = objects.deployment("greedy", replicas=2, container={**objects.witness_container(), "resources": resources})
    cluster.apply(greedy, namespace=namespace)

    def places():
        pods = cluster.get("pods", "-n", namespace)
        reasons = [[entry.get("reason") for entry in pod["status"].get("conditions", [])] for pod in pods]
        return sorted(
            "Unschedulable" if "Unschedulable" in said else pod["spec"].get("nodeName", "")
            for pod, said in zip(pods, reasons, strict=True)
        )

    clusters.until("one has a node and the other waits", lambda: places() == ["Unschedulable", "h100-0"])


def test_a_node_that_dies_goes_not_ready_its_pods_start_elsewhere_and_it_comes_back(local_cluster, namespace):
    cluster = local_cluster
    on_cpu = {"nodeSelector": {"node.kubernetes.io/instance-type": "cpu"}}
    cluster.apply(objects.deployment("web", replicas=1, **on_cpu), namespace=namespace)
    cluster.kubectl("rollout", "status", "deploy/web", "-n", namespace, "--timeout=240s")
    first = cluster.get("pods", "-n", namespace)[0]["spec"]["nodeName"]
    cluster.node(first, "down")
    try:
        clusters.until("the node is not ready", lambda: ready_state(cluster, first) != "True", timeout_s=240)

        def moved():
            pods = cluster.get("pods", "-n", namespace, "--field-selector=status.phase=Running")
            return [pod for pod in pods if pod["spec"]["nodeName"] != first]

        clusters.until("a pod runs on the other node", moved, timeout_s=240)
    finally:
        cluster.node(first, "up")
    clusters.until("the node is ready again", lambda: ready_state(cluster, first) == "True")
    clusters.until("the old pod is gone", lambda: len(cluster.get("pods", "-n", namespace)) == 1)


def test_a_node_that_is_cut_off_goes_not_ready_while_its_pods_run_on(local_cluster, namespace):
    cluster = local_cluster
    pinned = objects.pod("pinned", objects.witness_container(), nodeName="cpu-1", tolerations=[{"operator": "Exists"}])
    cluster.apply(pinned, namespace=namespace)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/pinned", "-n", namespace, "--timeout=240s")
    address = cluster.get("pod/pinned", "-n", namespace)["status"]["podIP"]
    cluster.node("cpu-1", "cut-off")
    try:
        clusters.until("the node is not ready", lambda: ready_state(cluster, "cpu-1") != "True", timeout_s=240)
        with urllib.request.urlopen(f"http://{address}:8000/ready", timeout=30) as answer:
            assert answer.status == 200
    finally:
        cluster.node("cpu-1", "up")
    clusters.until("the node is ready again", lambda: ready_state(cluster, "cpu-1") == "True")
    assert cluster.get("pod/pinned", "-n", namespace)["status"]["containerStatuses"][0]["restartCount"] == 0

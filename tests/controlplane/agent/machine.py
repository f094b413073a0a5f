"""The machines that nodes pretend to be, and the Node objects that say so."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from controlplane import versions

LEASE_S = 40
RENEWAL_S = 4.0
"""A kubelet renews every 10 s; nodes go NotReady sooner here, so they renew sooner."""
KUBELET_PORT = 10250


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A kind of machine, as GPU feature discovery would label it."""

    cpu: int
    memory: str
    gpus: int = 0
    gpu_product: str = ""
    gpu_memory_mib: int = 0
    gpu_family: str = ""


MACHINES = {
    "cpu": Machine(cpu=8, memory="32Gi"),
    "a10": Machine(cpu=48, memory="192Gi", gpus=4, gpu_product="NVIDIA-A10", gpu_memory_mib=23028, gpu_family="ampere"),
    "h100": Machine(
        cpu=192, memory="2Ti", gpus=8, gpu_product="NVIDIA-H100-80GB-HBM3", gpu_memory_mib=81559, gpu_family="hopper"
    ),
}


def labels(kind: str, name: str) -> dict[str, str]:
    """Labels of a node of this kind."""
    machine = MACHINES[kind]
    common = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": kind,
    }
    if not machine.gpus:
        return common
    return common | {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": machine.gpu_product,
        "nvidia.com/gpu.memory": str(machine.gpu_memory_mib),
        "nvidia.com/gpu.count": str(machine.gpus),
        "nvidia.com/gpu.family": machine.gpu_family,
    }


def node(kind: str, name: str) -> dict[str, Any]:
    """The Node object that registers a machine."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels(kind, name)}}


def status(kind: str, *, address: str, now: str) -> dict[str, Any]:
    """What a healthy node of this kind says of itself."""
    machine = MACHINES[kind]
    capacity = {"cpu": str(machine.cpu), "memory": machine.memory, "pods": "110", "ephemeral-storage": "100Gi"}
    if machine.gpus:
        capacity["nvidia.com/gpu"] = str(machine.gpus)
    healthy = {"MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True"}
    return {
        "capacity": capacity,
        "allocatable": capacity,
        "addresses": [{"type": "InternalIP", "address": address}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
        "nodeInfo": {
            "kubeletVersion": f"v{versions.KUBERNETES}",
            "containerRuntimeVersion": "glia-processes://1",
            "operatingSystem": "linux",
            "architecture": "amd64",
            "osImage": "this machine",
            "kernelVersion": "",
            "kubeProxyVersion": "",
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
        },
        "conditions": [
            {
                "type": kind_of,
                "status": state,
                "reason": "NodeAgent",
                "message": "a node agent for tests",
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
            }
            for kind_of, state in healthy.items()
        ],
    }


def lease(name: str, *, now: str) -> dict[str, Any]:
    """The heartbeat of a node."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": LEASE_S, "renewTime": now},
    }


def now_text() -> str:
    """The time as Kubernetes writes it in objects."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now_micro_text() -> str:
    """The time as Kubernetes writes it in leases."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""A pod's status, computed from its containers' and nothing else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Document = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a node knows of one pod at one moment."""

    pod: Document
    host_ip: str
    pod_ip: str | None
    started: str
    initialized: bool
    leaving: bool
    init_containers: Sequence[Document]
    containers: Sequence[Document]


def of(view: View, *, now: str) -> Document:
    """The status to report; conditions keep their transition times where nothing changed."""
    phase = _phase(view)
    done = phase in {"Succeeded", "Failed"}
    ready = view.initialized and not done and all(entry["ready"] for entry in view.containers)
    truths = {
        "PodReadyToStartContainers": view.pod_ip is not None and not done,
        "Initialized": view.initialized,
        "ContainersReady": ready,
        "Ready": ready and not view.leaving and _gates_open(view.pod),
    }
    reasons = {"ContainersReady": _unready(view, done=done), "Ready": _unready(view, done=done)}
    status: Document = {
        "phase": phase,
        "hostIP": view.host_ip,
        "hostIPs": [{"ip": view.host_ip}],
        "startTime": view.started,
        "conditions": conditions(view.pod, truths, reasons, now=now),
        "containerStatuses": list(view.containers),
    }
    if view.init_containers:
        status["initContainerStatuses"] = list(view.init_containers)
    if view.pod_ip:
        status |= {"podIP": view.pod_ip, "podIPs": [{"ip": view.pod_ip}]}
    return status


def conditions(pod: Document, truths: Mapping[str, bool], reasons: Mapping[str, str], *, now: str) -> list[Document]:
    """Conditions of these truths, each with the time of its last change."""
    before = {entry["type"]: entry for entry in pod.get("status", {}).get("conditions", [])}
    made = []
    for kind, truth in truths.items():
        entry = {"type": kind, "status": str(truth), "lastTransitionTime": now, "lastProbeTime": None}
        entry["reason"] = reasons.get(kind) if not truth else None
        earlier = before.get(kind, {})
        if earlier.get("status") == entry["status"] and earlier.get("lastTransitionTime"):
            entry["lastTransitionTime"] = earlier["lastTransitionTime"]
        made.append(entry)
    return made


def _phase(view: View) -> str:
    ends = [entry["state"].get("terminated") for entry in view.containers]
    init_ends = [entry["state"].get("terminated") for entry in view.init_containers]
    never = view.pod["spec"].get("restartPolicy") == "Never"
    if never and any(end and end["exitCode"] for end in init_ends):
        return "Failed"
    if not view.initialized:
        return "Pending"
    if all(ends) and _final(view, [end["exitCode"] for end in ends if end]):
        return "Failed" if any(end and end["exitCode"] for end in ends) else "Succeeded"
    untouched = all("waiting" in entry["state"] and not entry["restartCount"] for entry in view.containers)
    return "Pending" if untouched else "Running"


def _final(view: View, codes: Sequence[int]) -> bool:
    """Whether containers that have all ended stay so."""
    policy = view.pod["spec"].get("restartPolicy", "Always")
    return view.leaving or policy == "Never" or (policy == "OnFailure" and not any(codes))


def _gates_open(pod: Document) -> bool:
    now_true = {entry["type"] for entry in pod.get("status", {}).get("conditions", []) if entry["status"] == "True"}
    return all(gate["conditionType"] in now_true for gate in pod["spec"].get("readinessGates", []))


def _unready(view: View, *, done: bool) -> str:
    if done:
        return "PodCompleted"
    return "ContainersNotReady" if not all(entry["ready"] for entry in view.containers) else "ReadinessGatesNotReady"

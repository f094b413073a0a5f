"""`kubectl glia approve`, `reject`, `pause`, `resume` and `hint`: what people write into a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from glia_operator.api import optimization, policy, section
from glia_operator.plugin import cluster, explain
from glia_operator.research import revision
from glia_sim import faults

if TYPE_CHECKING:
    from glia_operator.plugin.cluster import Cluster


ATTEMPTS = 4
"""The operator writes its status meanwhile; a hint must not lose another one."""


def decide(where: Cluster, name: str, decision: Literal["Approved", "Rejected"], reason: str) -> str:
    """Write a decision on a policy in the user's own name; a sentence about what was done.

    Raises:
        InputFault: no such policy, it was decided already, it is not what was examined, or the user may not decide.
    """
    found = _policy(where, name)
    if found.approval is not None:
        said = found.approval
        raise faults.InputFault(
            f"{found.metadata.name} was {said.decision.lower()} by {said.by} already; a decision is final, "
            "another one needs another revision"
        )
    if decision == "Approved":
        revision.policy_document(found.spec)
    content = {"decision": decision, "by": where.user(), "examDigest": found.spec.evidence.exam_digest}
    if reason.strip():
        content["reason"] = reason.strip()
    approval = section.read(policy.Approval, content, decision.lower())
    body = {
        "metadata": {"uid": found.metadata.uid},
        "approval": approval.plain(),
    }
    where.merge(policy.KIND, found.metadata.name, body)
    return f"{explain.headline(found)}\n{decision.lower()} by {approval.by}\n"


def _policy(where: Cluster, name: str) -> policy.GliaPolicy:
    """The policy of that name, or the candidate of the optimisation of that name."""
    try:
        return policy.read(where.get(policy.KIND, name))
    except cluster.Missing:
        asked = optimization.read(where.get(optimization.KIND, name))
    candidate = asked.status.candidate if asked.status is not None else None
    if candidate is None:
        phase = asked.status.phase if asked.status is not None else "not seen by the operator yet"
        raise faults.InputFault(
            f"{name} proposes no policy ({phase}); `kubectl glia status {name}` says where it stands"
        )
    return policy.read(where.get(policy.KIND, candidate.policy))


def pause(where: Cluster, name: str, *, paused: bool) -> str:
    """Hold an optimisation, or let it go on."""
    found = optimization.read(where.get(optimization.KIND, name))
    word = "paused" if paused else "running"
    if found.spec.paused == paused:
        return f"{name} is {word} already\n"
    where.merge(optimization.KIND, name, {"spec": {"paused": paused}})
    if paused:
        return f"{name} is paused: a running study stops after its experiment and repeats nothing when resumed\n"
    return f"{name} goes on\n"


def hint(where: Cluster, name: str, words: str) -> str:
    """Add a line to the hints of an optimisation."""
    line = " ".join(words.split())
    if not line:
        raise faults.InputFault("hint: the text is empty; write what you know about the workload")
    for _ in range(ATTEMPTS - 1):
        try:
            return _hint(where, name, line)
        except cluster.Changed:
            continue
    return _hint(where, name, line)


def _hint(where: Cluster, name: str, line: str) -> str:
    found = optimization.read(where.get(optimization.KIND, name))
    hints = "\n".join(filter(None, [found.spec.research.hints, line]))
    body = {
        "metadata": {"resourceVersion": found.metadata.resource_version},
        "spec": {"research": {"hints": hints}},
    }
    where.merge(optimization.KIND, name, body)
    return f"{name} is told: {line}\n"

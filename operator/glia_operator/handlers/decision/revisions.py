"""Revisions of the policy: which one counts, which is next, and what each one's status says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.api import policy as policies
from glia_operator.handlers.decision import act

if TYPE_CHECKING:
    from glia_operator.handlers.decision import seen

USABLE = "its programs parse, and its digest is that of its content"


def candidate(now: seen.Observed) -> seen.Policy | None:
    """The newest usable revision that answers the question; one that was superseded does so no more."""
    brief = now.brief
    answers = [
        policy
        for policy in now.policies
        if brief and policy.brief == brief and policy.owned and not policy.fault and _phase(now, policy) != "Superseded"
    ]
    return max(answers, key=lambda policy: policy.revision, default=None)


def approved(now: seen.Observed) -> seen.Policy | None:
    """The newest approved revision."""
    found = [policy for policy in now.policies if _phase(now, policy) == "Approved"]
    return max(found, key=lambda policy: policy.revision, default=None)


def proposed(now: seen.Observed, answer: seen.Answer) -> act.CreatePolicy:
    """The next revision, from the study's answer."""
    revision = max((policy.revision for policy in now.policies), default=0) + 1
    spec = {**(answer.proposal or {}), "optimization": now.name, "revision": revision}
    return act.CreatePolicy(name=policies.name(now.name, revision), spec=spec)


def why_not(now: seen.Observed, policy: seen.Policy) -> str:
    """Why the operator does not approve a revision by itself; empty where it does."""
    answer = now.notebook.answer if now.notebook is not None else None
    if now.spec is None or answer is None or answer.proposal is None:
        return "the notebook that vouches for it is gone"
    if (answer.digest, answer.exam) != (policy.digest, policy.exam):
        return "it is not the policy that the notebook's exam passed"
    least = float(now.spec.rollout.min_improvement.removesuffix("%"))
    if float(answer.improvement.removesuffix("%")) < least:
        return f"it improves by {answer.improvement}, rollout.minImprovement asks for {least:g}%"
    return ""


def marks(now: seen.Observed) -> tuple[act.MarkPolicy, ...]:
    """The statuses that are not as they should be."""
    wanted = (_mark(now, policy) for policy in now.policies)
    return tuple(
        mark
        for mark, policy in zip(wanted, now.policies, strict=True)
        if mark.phase != policy.phase or not policy.noted
    )


def _mark(now: seen.Observed, policy: seen.Policy) -> act.MarkPolicy:
    phase = _phase(now, policy)
    valid = not policy.fault
    message = USABLE if valid else f"{policy.fault}; such a policy is never approved"
    reason = "Checked" if valid else "Invalid"
    return act.MarkPolicy(name=policy.name, phase=phase, valid=valid, reason=reason, message=message)


def _phase(now: seen.Observed, policy: seen.Policy) -> str:
    """Approved stays approved; a decision counts while the revision is the newest, or was when it was made."""
    if policy.phase in ("Approved", "Rejected", "Superseded"):
        return policy.phase
    if policy.decision and not policy.fault:
        return policy.decision
    later = any(other.revision > policy.revision and not other.fault for other in now.policies)
    if later and not policy.decision:
        return "Superseded"
    return "Rejected" if policy.decision == "Rejected" else "Proposed"

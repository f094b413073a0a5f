"""An optimisation called chat with one proposed policy, hra-spf against llq, and the notebook of its study."""

from __future__ import annotations

import json
from typing import Any

from glia_operator.api import evidence, meta, optimization_status, policy
from glia_operator.research import notebook as notebooks
from glia_sim.policy import document

NAME = "chat"
BRIEF = "sha256:" + "b" * 64
EXAM = "sha256:" + "e" * 64
EXPERIMENTS = (
    (
        "headroom admission",
        "If the router holds requests until some replica has room for them, restarts fall to a small share.",
        "mean-latency 12.4 -> 9.87 (-20.4%), p99 x0.930, cost -0.210 against +0.000: kept.",
        True,
    ),
    (
        "queue length beside memory",
        "If the choice weighs requests in flight as well as memory, steps stay shorter where many decode.",
        "mean-latency 12.4 -> 9.95 (-19.8%), p99 x0.955, cost -0.195 against -0.210: not kept.",
        False,
    ),
)

TALK = (
    ("supervisor", "approve", "Try it: queue length beside memory."),
    ("supervisor", "ask", "Experiment 2 was expected to improve by 25% and did by 20%. Why?"),
    ("researcher", "state", "Steps are short already: what is left is queueing at the router."),
)


def records() -> list[dict[str, Any]]:
    """The notebook's records, chained."""
    digest = document.load("hra-spf").digest
    entries: list[tuple[str, str, Any]] = [("brief", "brief", {"digest": BRIEF, "baseline": "llq"})]
    for number, (title, hypothesis, finding, kept) in enumerate(EXPERIMENTS, start=1):
        key = f"{number} {title} {digest}"
        entries.append(("hypothesis", key, {"hypothesis": hypothesis, "policy": ""}))
        entries.append(("finding", key, {"finding": finding, "kept": kept}))
    for number, (role, act, said) in enumerate(TALK, start=1):
        entries.append(("turn", f"{number}", {"role": role, "act": act, "text": said, "policy": "", "numbers": [2]}))
    entries.append(("exam", f"1 {digest}", {"verdict": {"approved": True, "reasons": ["held-out: fine"]}}))
    last, found = notebooks.GENESIS, []
    for kind, key, body in entries:
        found.append(json.loads(notebooks.line(last, kind, key, body)))
        last = found[-1]["digest"]
    return found


def pages() -> list[dict[str, Any]]:
    """The notebook in two ConfigMaps, the second one first."""
    lines = [json.dumps(one) for one in records()]
    halves = [lines[:3], lines[3:]]
    made = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": f"{NAME}-notebook-{number}",
                "labels": {meta.LABEL_OPTIMIZATION: NAME, meta.LABEL_PART: "notebook"},
                "annotations": {meta.ANNOTATION_SEQUENCE: f"{number:04d}", "glia.dev/brief-digest": BRIEF},
            },
            "data": {"records.jsonl": "\n".join(half) + "\n"},
        }
        for number, half in enumerate(halves)
    ]
    return made[::-1]


def optimization() -> dict[str, Any]:
    """The GliaOptimization, without status."""
    return {
        "apiVersion": meta.API_VERSION,
        "kind": "GliaOptimization",
        "metadata": {"name": NAME},
        "spec": {
            "target": {"workloadRef": {"name": "vllm-llama"}},
            "offline": {"fleet": "paper-a10x4", "trace": "synthetic:paper?requests=2000&seed=1"},
            "constraints": [{"metric": "ttft", "quantile": 0.9, "below": "1500ms"}],
            "research": {"budget": {"experiments": 8}},
        },
    }


def status() -> dict[str, Any]:
    """Its status while the policy waits for a decision."""
    return optimization_status.OptimizationStatus(
        observed_generation=1,
        phase="AwaitingApproval",
        message="chat-1 waits for a decision",
        conditions=(
            meta.Condition(
                type="CandidateApproved",
                status="False",
                reason="AwaitingApproval",
                message="approve or reject chat-1",
                last_transition_time="2026-11-24T15:00:00Z",
            ),
        ),
        study=optimization_status.StudyStatus(
            brief_digest=BRIEF, experiments_done=2, experiments_budget=8, simulations=900, finding=EXPERIMENTS[1][2]
        ),
        candidate=optimization_status.CandidateStatus(
            policy="chat-1",
            predicted_improvement="+19.35%",
            interval=optimization_status.Interval(low="+17.90%", high="+20.80%"),
        ),
    ).plain()


def proposal(name: str = "hra-spf", revision: int = 1, parent: str = "llq") -> dict[str, Any]:
    """A GliaPolicy that proposes a policy of the catalogue in place of another."""
    proposed, replaced = document.load(name), document.load(parent)
    spec = policy.PolicySpec(
        optimization=NAME,
        revision=revision,
        parent=replaced.digest,
        name=proposed.name,
        programs=policy.Programs(**proposed.texts),
        parameters={key: policy.Parameter(**one.model_dump()) for key, one in proposed.parameters.items()},
        rationale=proposed.rationale,
        digest=proposed.digest,
        evidence=_evidence(parent),
    )
    return {
        "apiVersion": meta.API_VERSION,
        "kind": "GliaPolicy",
        "metadata": {"name": f"{NAME}-{revision}", "labels": {meta.LABEL_OPTIMIZATION: NAME}},
        "spec": spec.plain(),
    }


def _evidence(parent: str) -> evidence.Evidence:
    span = optimization_status.Interval(low="+17.90%", high="+20.80%")
    return evidence.Evidence(
        objective="mean-latency",
        improvement="+19.35%",
        interval=span,
        p99_ratio=0.943,
        seeds=evidence.Seeds(root=0, heldout=20),
        baseline_policy=parent,
        baseline=evidence.Marks(requests=40_000, failed=0, mean_seconds=12.4, p99_seconds=61.2, restarted_share=0.21),
        candidate=evidence.Marks(requests=40_000, failed=0, mean_seconds=10.0, p99_seconds=57.7, restarted_share=0.01),
        conditions=(
            evidence.ExamCondition(title="load x1.2", improvement="+25.00%", interval=span, p99_ratio=0.9),
            evidence.ExamCondition(title="burstier"),
        ),
        explanation=(
            "Memory runs out on some replicas while others idle.",
            "held-out: mean-latency improves by +19.4%",
        ),
        experiments=2,
        simulations=900,
        brief_digest=BRIEF,
        notebook_digest=records()[-1]["digest"],
        exam_digest=EXAM,
    )

"""GliaPolicies, GliaAssignments, updates and raw bytes that the API server refuses."""

from __future__ import annotations

from typing import Any

import yaml

from hostile import optimizations
from hostile.case import GONE, Case, Object, changed
from stories import chat

POLICY: Object = changed(chat.proposal(), "metadata", {"name": "chat-1"})
DECIDED = POLICY | {"approval": {"decision": "Approved", "by": "alice"}}
DIGEST = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha256:" + "fedcba9876543210" * 4
ASSIGNMENT: Object = {
    "apiVersion": "glia.dev/v1alpha1",
    "kind": "GliaAssignment",
    "metadata": {"name": "chat"},
    "spec": {
        "pool": {"name": "chat"},
        "mode": "Shadow",
        "baseline": {"policy": "llq", "digest": DIGEST},
        "candidate": {"policy": "chat-1", "digest": OTHER},
        "epoch": 3,
        "validUntil": "2026-11-24T16:00:00Z",
    },
}
BLOCKS = {"seed": 1, "blockSeconds": 60, "washoutSeconds": 60, "start": "2026-11-24T15:00:00Z", "share": "50%"}

MORE: Object = {"high": 2, "unit": "1", "meaning": "an a that is none"}

POLICIES: tuple[tuple[str, str, Any, tuple[str, ...]], ...] = (
    ("another's name", "metadata.name", "chat-9", ("named OPTIMIZATION-REVISION",)),
    ("policy of nobody", "spec.optimization", GONE, ("spec.optimization", "Required value")),
    ("revision zero", "spec.revision", 0, ("spec.revision", "greater than or equal to 1")),
    ("no programs", "spec.programs", {}, ("spec.programs", "at least one program")),
    ("program of 1 MB", "spec.programs.router", "#" * 1_000_000, ("programs.router", "20000")),
    ("program is a list", "spec.programs.router", ["a"], ("programs.router", "must be of type string")),
    ("a fourth program", "spec.programs.planner", "x", ('unknown field "spec.programs.planner"',)),
    ("value out of bounds", "spec.parameters.r.value", 99, ("parameters[r].value", "must lie between them")),
    ("bounds crossed", "spec.parameters.r.low", 50, ("parameters[r].value", "low must be below high")),
    ("no meaning", "spec.parameters.r.meaning", GONE, ("parameters.r.meaning", "Required value")),
    (
        "name in Cyrillic",
        "spec.parameters.\u0430",
        dict.fromkeys(("value", "low"), 1) | MORE,
        ("parameters", "ASCII letters"),
    ),
    ("weak digest", "spec.digest", "md5:0", ("spec.digest", "sha256: and 64 hexadecimal digits")),
    ("no digest", "spec.digest", GONE, ("spec.digest", "Required value")),
    ("no evidence", "spec.evidence", GONE, ("spec.evidence", "Required value")),
    ("empty evidence", "spec.evidence", {}, ("spec.evidence.examDigest", "Required value")),
    ("boast without a sign", "spec.evidence.improvement", "90%", ("evidence.improvement", "such as +19.35%")),
    ("boast as a number", "spec.evidence.improvement", 0.9, ("evidence.improvement", "must be of type string")),
    ("negative tail", "spec.evidence.p99Ratio", -1, ("evidence.p99Ratio", "greater than or equal to 0")),
    ("negative requests", "spec.evidence.baseline.requests", -1, ("baseline.requests", "greater than or equal to 0")),
    ("share above one", "spec.evidence.candidate.restartedShare", 7, ("restartedShare", "less than or equal to 1")),
    ("extra evidence", "spec.evidence.trust", "me", ('unknown field "spec.evidence.trust"',)),
    ("silent rejection", "approval", {"decision": "Rejected", "by": "eve"}, ("approval", "give a reason")),
    ("approved by nobody", "approval", {"decision": "Approved", "by": ""}, ("approval.by", "at least 1 char")),
    ("maybe", "approval", {"decision": "Maybe", "by": "eve"}, ("approval.decision", '"Rejected"')),
    ("reason of 1 MB", "approval", {"decision": "Approved", "by": "e", "reason": "a" * 1_000_000}, ("reason", "1024")),
)
ASSIGNMENTS: tuple[tuple[str, str, Any, tuple[str, ...]], ...] = (
    ("not the pool's name", "metadata.name", "other", ("named like its pool",)),
    ("mode of its own", "spec.mode", "Canary", ("spec.mode", '"Switchback"')),
    ("no candidate", "spec.candidate", GONE, ("spec.candidate", "needs a candidate")),
    ("partition of nothing", "spec.mode", "Partition", ("spec.partition", "needs a partition")),
    ("switchback of nothing", "spec.mode", "Switchback", ("spec.schedule", "needs a schedule")),
    ("against itself", "spec.candidate.digest", DIGEST, ("spec.candidate", "the same policy")),
    (
        "all wash-out",
        "spec",
        ASSIGNMENT["spec"] | {"mode": "Switchback", "schedule": BLOCKS},
        ("washoutSeconds", "shorter"),
    ),
    ("until some day", "spec.validUntil", "tomorrow", ("spec.validUntil", "date-time")),
    ("epoch zero", "spec.epoch", 0, ("spec.epoch", "greater than or equal to 1")),
)
UPDATES: tuple[tuple[str, Object, str, Any, tuple[str, ...]], ...] = (
    (
        "another target",
        optimizations.WHOLE,
        "spec.target.workloadRef.name",
        "b",
        ("spec.target", "the target cannot change"),
    ),
    (
        "a label more",
        optimizations.WHOLE,
        "spec.target.selector",
        {"matchLabels": {"a": "b"}},
        ("the target cannot change",),
    ),
    ("better rationale", POLICY, "spec.rationale", "Trust me.", ("spec", "cannot change")),
    ("better evidence", POLICY, "spec.evidence.improvement", "+99.00%", ("spec", "another policy is another revision")),
    ("decided again", DECIDED, "approval.by", "eve", ("the decision on a policy is final",)),
    ("undecided", DECIDED, "approval", GONE, ("the decision on a policy is final",)),
    ("rejected after all", DECIDED, "approval", {"decision": "Rejected", "by": "eve", "reason": "x"}, ("is final",)),
    ("epoch back", ASSIGNMENT, "spec.epoch", 2, ("spec.epoch", "epoch only grows")),
    ("quiet change", ASSIGNMENT, "spec.mode", "Promoted", ("spec.epoch", "needs a higher epoch")),
    (
        "another pool",
        ASSIGNMENT,
        "spec",
        ASSIGNMENT["spec"] | {"pool": {"name": "b"}, "epoch": 4},
        ("the pool cannot change",),
    ),
)


def written(**changes: Any) -> bytes:
    """The whole object as YAML, top-level fields replaced."""
    return yaml.safe_dump(optimizations.WHOLE | changes).encode()


def bomb() -> bytes:
    """Nine levels of nine references each: a billion words in a few lines."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 10)]
    return written() + "\n".join(lines).encode()


def scaled(text: str) -> bytes:
    """The whole object with that text as its time scale."""
    return written().replace(b"fleet:", f"timeScale: {text}\n    fleet:".encode(), 1)


def nested() -> bytes:
    """Lists in lists, deeper than any reader should go."""
    return written() + b"deep: " + b"[" * 20_000 + b"]" * 20_000


RAW: tuple[tuple[str, bytes, tuple[str, ...]], ...] = (
    ("billion laughs", bomb(), ("excessive aliasing",)),
    ("not a number", scaled(".nan"), ("NaN",)),
    ("infinity", scaled(".inf"), ("Inf",)),
    ("beyond numbers", scaled("1e999"), ("offline.timeScale", "must be of type number")),
    ("said twice", written() + b"spec: {}\n", ("spec", "already set")),
    ("NUL byte", written() + b"a: \0\n", ("control characters are not allowed",)),
    ("not UTF-8", written() + b"a: \xff\xfe\n", ("UTF-8",)),
    ("tab for a space", written() + b"a:\n\tb: c\n", ("yaml",)),
    ("four megabytes", written() + b"a: " + b"x" * 4_000_000, ("limit",)),
    ("nested", nested(), ("depth",)),
    ("not an object", b"- a\n- b\n", ("json",)),
    ("another version", written(apiVersion="glia.dev/v2"), ('"v2"', "GliaOptimization")),
    ("another kind", written(kind="GliaOptimisation"), ("GliaOptimisation", "GliaOptimization")),
)

CASES = (
    *(
        Case(name=f"policy: {name}", body=changed(POLICY, path, value), says=says)
        for name, path, value, says in POLICIES
    ),
    *(
        Case(name=f"assignment: {name}", body=changed(ASSIGNMENT, path, value), says=says)
        for name, path, value, says in ASSIGNMENTS
    ),
    *(
        Case(name=f"update: {name}", old=whole, body=changed(whole, path, value), says=says, modelled=False)
        for name, whole, path, value, says in UPDATES
    ),
    *(Case(name=f"bytes: {name}", text=text, says=says, modelled=False) for name, text, says in RAW),
)

"""`kubectl glia explain`: why this policy, or why none, in words with numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.plugin import status, text
from glia_operator.research import revision
from glia_sim.policy import change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.api import evidence, policy
    from glia_operator.plugin import records
    from glia_operator.plugin import told as tolds
    from glia_operator.research import notebook as notebooks

MARKS = (
    ("mean end-to-end, s", "mean_seconds"),
    ("p50 end-to-end, s", "p50_seconds"),
    ("p90 end-to-end, s", "p90_seconds"),
    ("p99 end-to-end, s", "p99_seconds"),
    ("mean time to first token, s", "ttft_mean_seconds"),
    ("p90 time to first token, s", "ttft_p90_seconds"),
    ("requests per second", "throughput_rps"),
    ("GPU-hours", "gpu_hours"),
    ("restarted, share", "restarted_share"),
    ("failed", "failed"),
)


MOST_SAID = 6


def proposed(told: tolds.Told, of: policy.GliaPolicy) -> str:
    """Why this policy is proposed.

    Raises:
        InputFault: the policy was changed after its exam, or is outside the language.
    """
    notebook = told.notebook(of.spec.evidence.brief_digest)
    lines = [headline(of), *text.paragraph(_decision(of))]
    lines += text.section("What it does", _does(told, of))
    lines += text.section("Why it is proposed", text.bullets(of.spec.evidence.explanation))
    lines += _trail(notebook)
    lines += text.section("Held-out arrivals", _marks(of.spec.evidence, of.spec.name))
    lines += text.section("Under other conditions", _conditions(of.spec.evidence))
    lines += text.section("Where this stands", _proofs(told, of, notebook))
    return "\n".join(lines) + "\n"


def nothing(told: tolds.Told) -> str:
    """Why there is no policy."""
    found = told.optimization.status
    study = found.study if found is not None else None
    notebook = told.notebook((study.brief_digest or "") if study is not None else "")
    lines = [f"{told.name}: no policy is proposed" + (f" ({found.phase})" if found and found.phase else "")]
    if found is not None and found.message:
        lines += text.paragraph(found.message)
    reasons = [reason for exam in notebook.exams for reason in _reasons(exam)]
    lines += text.section("Why the exam refused", text.bullets(reasons))
    lines += _trail(notebook)
    if not notebook.records:
        lines += text.section("Where this stands", text.paragraph(told.unread or "There is no notebook yet."))
    return "\n".join(lines) + "\n"


def headline(of: policy.GliaPolicy) -> str:
    """What it gains, in one line."""
    found = of.spec.evidence
    span = f" (95 % interval {found.interval.low} to {found.interval.high})" if found.interval else ""
    return f"{of.metadata.name}: {found.objective} improves by {found.improvement}{span} over {found.baseline_policy}"


def _decision(of: policy.GliaPolicy) -> str:
    said = of.approval
    if said is None:
        return f"It waits for a decision: kubectl glia approve {of.metadata.name}, or reject it with --reason."
    return (
        f"{said.decision} by {said.by}" + (f": {said.reason}" if said.reason else "") + f". Phase {status.phase(of)}."
    )


def _does(told: tolds.Told, of: policy.GliaPolicy) -> list[str]:
    lines = text.paragraph(of.spec.rationale)
    new, old = revision.policy_document(of.spec), told.parent(of)
    if old is None:
        return lines
    return [*lines, f"  Compared with {old.name}:", *text.bullets(change.describe(old, new).words, indent="    ")]


def _trail(notebook: records.Notebook) -> list[str]:
    kept = [one for one in notebook.trail if one.kept]
    left = [one for one in notebook.trail if not one.kept]
    return [
        *text.section("How it was found", _experiments(kept)),
        *text.section("What was tried and not kept", _experiments(left)),
        *text.section("What the Supervisor asked", _talk(notebook)),
    ]


def _talk(notebook: records.Notebook) -> list[str]:
    """The latest questions and answers."""
    lines: list[str] = []
    for role, said in notebook.talk[-MOST_SAID:]:
        lines += text.paragraph(f"{role}: {said}", indent="     ", first="  ")
    return lines


def _experiments(trail: Sequence[records.Tried]) -> list[str]:
    lines: list[str] = []
    for one in trail:
        lines.append(f"  {one.number}. {one.title}")
        lines += text.paragraph(one.hypothesis, indent="     ")
        lines += text.paragraph(one.finding or "still running", indent="     ", first="     -> ")
    return lines


def marks(found: evidence.Evidence) -> list[tuple[str, str, str, str]]:
    """What is measured, under the baseline, under the policy, and the change."""
    rows = []
    for label, field in MARKS:
        old, new = getattr(found.baseline, field), getattr(found.candidate, field)
        if old is not None and new is not None:
            changed = f"{(new / old - 1) * 100:+.1f}%" if old else status.NONE
            rows.append((label, f"{old:.4g}", f"{new:.4g}", changed))
    return rows


def _marks(found: evidence.Evidence, name: str) -> list[str]:
    rows = [("", found.baseline_policy, name, "change"), *marks(found)]
    tail = f"p99 end-to-end x{found.p99_ratio:.3f}; " if found.p99_ratio is not None else ""
    note = f"{tail}{found.seeds.heldout} held-out seeds of root {found.seeds.root}, {found.candidate.requests} requests"
    return [f"  {line}" for line in text.table(rows)] + [f"  {note}"]


def _conditions(found: evidence.Evidence) -> list[str]:
    if not found.conditions:
        return []
    rows = [("", "improvement", "interval", "p99")]
    for one in found.conditions:
        span = f"{one.interval.low} to {one.interval.high}" if one.interval else status.NONE
        tail = f"x{one.p99_ratio:.3f}" if one.p99_ratio is not None else status.NONE
        rows.append((one.title, one.improvement or status.NONE, span, tail))
    return [f"  {line}" for line in text.table(rows)]


def _proofs(told: tolds.Told, of: policy.GliaPolicy, notebook: records.Notebook) -> list[str]:
    found = of.spec.evidence
    lines = [f"  policy    {of.spec.digest}", f"  exam      {found.exam_digest}", f"  question  {found.brief_digest}"]
    lines.append(f"  notebook  {found.notebook_digest}")
    lines += text.paragraph(
        f"{found.experiments} experiments, {found.simulations} simulations. {chain(told, found, notebook)}"
    )
    return lines


def chain(told: tolds.Told, found: evidence.Evidence, notebook: records.Notebook) -> str:
    """Whether the notebook is what the study wrote."""
    if told.unread:
        return f"The notebook was not read: {told.unread}."
    if not notebook.records:
        return "The notebook's ConfigMaps are gone, so the trail cannot be shown."
    if notebook.flaw:
        return f"The notebook cannot be trusted: {notebook.flaw}."
    held = found.notebook_digest == notebook.digest
    later = "" if held else " It goes on after the record that the evidence names."
    return f"The notebook's {len(notebook.records)} records hang together.{later}"


def _reasons(exam: notebooks.Record) -> list[str]:
    found = exam.body.get("verdict") if isinstance(exam.body, dict) else None
    if not isinstance(found, dict) or found.get("approved"):
        return []
    return [str(reason) for reason in found.get("reasons", ())]

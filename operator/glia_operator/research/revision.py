"""From a study's outcome to the GliaPolicy that proposes it, and back to the policy document."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_operator.api import evidence, optimization_status, policy, words
from glia_sim import faults, verdict
from glia_sim.policy import document

if TYPE_CHECKING:
    from glia_operator.research import brief as briefs
    from glia_operator.research import outcome as outcomes
    from glia_sim import effect, goal, score

DIGITS = 6
MAX_SENTENCES, MAX_SENTENCE = 64, 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which revision of which optimisation a policy is.

    Attributes:
        optimization: name of the GliaOptimization.
        revision: counts its policies, from 1.
        notebook_digest: digest of the newest record of the study's notebook.
    """

    optimization: str
    revision: int
    notebook_digest: str


def spec(outcome: outcomes.Outcome, brief: briefs.Brief, place: Place) -> policy.PolicySpec:
    """The spec of the GliaPolicy that proposes the outcome's best policy.

    Raises:
        ValueError: nothing was approved, so that there is nothing to propose.
    """
    best = outcome.best
    if best.digest == outcome.baseline.digest:
        raise ValueError(f"the study of {place.optimization} approved nothing; there is no policy to propose")
    parameters = {
        name: policy.Parameter(**parameter.model_dump(include=set(policy.Parameter.model_fields)))
        for name, parameter in best.parameters.items()
    }
    return policy.PolicySpec(
        optimization=place.optimization,
        revision=place.revision,
        parent=outcome.baseline.digest,
        name=best.name,
        programs=policy.Programs(**best.texts),
        parameters=parameters,
        rationale=best.rationale,
        digest=best.digest,
        evidence=_evidence(outcome, brief, place.notebook_digest),
    )


def policy_document(proposed: policy.PolicySpec) -> document.Policy:
    """The policy document in a GliaPolicy, checked: its programs are inside the language, its digest is its own.

    Raises:
        InputFault: naming the program and line, or the digests that differ.
    """
    place = f"GliaPolicy {policy.name(proposed.optimization, proposed.revision)}"
    content = {
        "name": proposed.name,
        "rationale": proposed.rationale,
        "parameters": {name: one.model_dump() for name, one in proposed.parameters.items()},
        **proposed.programs.model_dump(exclude_none=True),
    }
    found = document.loads(json.dumps(content, ensure_ascii=False), place=place)
    if found.digest != proposed.digest:
        raise faults.InputFault(
            f"{place}: spec.digest is {proposed.digest}, but the policy's digest is {found.digest}; "
            "the policy was changed after its exam"
        )
    return found


def exam_digest(marked: verdict.Verdict, brief_digest: str, policy_digest: str) -> str:
    """Identity of an exam: of the question, the policy and everything that was found."""
    content = {"brief": brief_digest, "policy": policy_digest, "verdict": verdict.as_json(marked)}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _evidence(outcome: outcomes.Outcome, brief: briefs.Brief, notebook_digest: str) -> evidence.Evidence:
    marked = outcome.verdict
    return evidence.Evidence(
        objective=brief.objective.name,
        improvement=words.signed_percent(outcome.improvement),
        interval=_interval(*outcome.interval),
        p99_ratio=_finite(marked.heldout.tail.ratio),
        seeds=evidence.Seeds(root=brief.root, heldout=len(marked.seeds)),
        baseline_policy=outcome.baseline.name,
        baseline=_marks(outcome.baseline_card),
        candidate=_marks(outcome.best_card),
        conditions=tuple(_condition(section, brief.objective) for section in marked.robustness),
        explanation=tuple(sentence[:MAX_SENTENCE] for sentence in outcome.explanation[:MAX_SENTENCES]),
        experiments=len(outcome.experiments),
        simulations=outcome.simulations,
        brief_digest=brief.digest,
        notebook_digest=notebook_digest,
        exam_digest=exam_digest(marked, brief.digest, outcome.best.digest),
    )


def _condition(section: verdict.Section, objective: goal.Objective) -> evidence.ExamCondition:
    found: effect.Effect = section.objective
    gain = objective.improvement(found.estimate)
    low, high = sorted((objective.improvement(found.low), objective.improvement(found.high)))
    return evidence.ExamCondition(
        title=section.title,
        improvement=words.signed_percent(gain) if math.isfinite(gain) else None,
        interval=_interval(low, high),
        p99_ratio=_finite(section.tail.ratio),
    )


def _interval(low: float, high: float) -> optimization_status.Interval | None:
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    return optimization_status.Interval(low=words.signed_percent(low), high=words.signed_percent(high))


def _marks(card: score.Scorecard) -> evidence.Marks:
    return evidence.Marks(
        requests=card.requests,
        failed=card.failed,
        mean_seconds=_finite(card.e2e.mean),
        p50_seconds=_finite(card.e2e.p50),
        p90_seconds=_finite(card.e2e.p90),
        p99_seconds=_finite(card.e2e.p99),
        ttft_mean_seconds=_finite(card.ttft.mean),
        ttft_p90_seconds=_finite(card.ttft.p90),
        throughput_rps=_finite(card.throughput_rps),
        gpu_hours=_finite(card.gpu_hours),
        restarted_share=_finite(card.restarted_share),
    )


def _finite(value: float) -> float | None:
    """A number to six digits, or nothing where there is none."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None

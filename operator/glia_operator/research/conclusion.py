"""The end of a study: choose among the finalists on validation seeds, leave out what helps nothing, sit the exam."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glia_operator.research import ablation, feasibility, finalists
from glia_operator.research.outcome import Outcome, explain
from glia_sim import exam, records, score, verdict
from glia_sim.policy import compile as programs

if TYPE_CHECKING:
    from glia_operator.research import desk, laboratory
    from glia_sim.policy import document

MOST_EXAMS = 3


def conclude(research: desk.Research) -> Outcome:
    """Examine the finalists, best first, each on held-out arrivals of its own, until one passes.

    A later exam draws other seeds than an earlier one, so that no finalist is chosen by the seeds that examine it.
    """
    study = research.study
    marked: verdict.Verdict | None = None
    parts: tuple[ablation.Without, ...] = ()
    best = study.brief.baseline
    for sitting, candidate in enumerate(finalists.chosen(study)[:MOST_EXAMS]):
        parts = ablation.ablate(study, candidate)
        policy = _shortest(candidate.policy, parts)
        study.tell(f"exam of {candidate.title}")
        marked = _examine(study, policy, sitting)
        if marked.approved:
            best = policy
            break
    if marked is None:
        marked = _examine(study, study.brief.baseline, 0)
    approved = best is not study.brief.baseline
    outcome = Outcome(
        baseline=study.brief.baseline,
        best=best,
        baseline_card=marked.heldout.baseline,
        best_card=marked.heldout.candidate if approved else marked.heldout.baseline,
        improvement=marked.improvement if approved else 0.0,
        interval=marked.interval if approved else (0.0, 0.0),
        experiments=tuple(study.experiments),
        simulations=study.marker.simulations,
        verdict=marked,
        profile=research.profile,
        explanation=(),
        turns=tuple(research.turns),
        observations=dict(research.observations),
        ablation=parts,
        feasibility=feasibility.judge(study.brief, study.experiments, marked.heldout),
    )
    return replace(outcome, explanation=explain(outcome))


def _shortest(policy: document.Policy, parts: tuple[ablation.Without, ...]) -> document.Policy:
    """The policy, or what is left of it without a part that helps nothing: ties go to the shorter program."""
    shorter = [one for one in parts if one.needless and finalists.length(one.policy) < finalists.length(policy)]
    return min(shorter, key=lambda one: one.cost).policy if shorter else policy


def _examine(study: laboratory.Study, policy: document.Policy, sitting: int) -> verdict.Verdict:
    body = study.once("exam", f"{sitting + 1} {policy.digest}", lambda: _sit(study, policy, sitting))
    return records.restored(verdict.Verdict, body["verdict"])


def _sit(study: laboratory.Study, policy: document.Policy, sitting: int) -> dict[str, Any]:
    counted: list[int] = []
    marked = exam.examine(
        study.brief.fleet,
        study.brief.workload,
        baseline=study.marker.baseline,
        candidate=programs.compile(policy),
        rules=study.brief.rules,
        executor=study.marker.executor,
        root=study.brief.root,
        sitting=sitting,
        progress=lambda _done, total: counted.append(total),
    )
    study.marker.simulations += 2 * (counted[-1] if counted else 0)
    return {"verdict": score.as_json(marked)}

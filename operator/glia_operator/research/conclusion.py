"""The end of a study: choose among the finalists on validation seeds, leave out what helps nothing, sit the exam."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from glia_operator.research import ablation, feasibility
from glia_operator.research.outcome import Experiment, Outcome, explain
from glia_sim import exam, records, score, seeds, verdict
from glia_sim.policy import compile as programs

if TYPE_CHECKING:
    from glia_operator.research import desk, laboratory
    from glia_sim.policy import document

VALIDATION_SEEDS = 24
MOST_FINALISTS = 5
MOST_EXAMS = 3


def conclude(research: desk.Research) -> Outcome:
    """Examine the finalists, best first, each on held-out arrivals of its own, until one passes.

    A later exam draws other seeds than an earlier one, so that no finalist is chosen by the seeds that examine it.
    """
    study = research.study
    marked: verdict.Verdict | None = None
    parts: tuple[ablation.Without, ...] = ()
    best = study.brief.baseline
    for sitting, candidate in enumerate(_finalists(study)):
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
    shorter = [one for one in parts if one.needless and _length(one.policy) < _length(policy)]
    return min(shorter, key=lambda one: one.cost).policy if shorter else policy


def _length(policy: document.Policy) -> int:
    return sum(len(text) for text in policy.texts.values())


def _finalists(study: laboratory.Study) -> list[Experiment]:
    """Experiments that beat the baseline in search, best first by their cost on validation seeds.

    Among those that tie with the best the shortest policy comes first.
    """
    promising = _different(sorted((one for one in study.experiments if one.cost < 0.0), key=lambda one: one.cost))
    if not promising:
        return []
    study.tell("choosing among the finalists on validation seeds")
    names = " ".join(one.policy.digest[7:19] for one in promising)  # others come in where a study is given more time
    body = study.once("validation", names, lambda: _validate(study, promising))
    marked = [
        (one["cost"], finalist) for one, finalist in zip(body["finalists"], promising, strict=True) if one["cost"] < 0.0
    ]
    least = min((cost for cost, _ in marked), default=0.0)
    ranked = sorted(marked, key=lambda pair: (pair[0] > least + ablation.TIE, _rank(pair, least)))
    return [finalist for _, finalist in ranked][:MOST_EXAMS]


def _different(experiments: list[Experiment]) -> list[Experiment]:
    """The first of each policy, whatever its parameters; then other sweeps of the same, where there is room."""
    first: dict[str, Experiment] = {}
    for one in experiments:
        first.setdefault(repr(one.policy.texts), one)
    chosen = list(first.values())
    return [*chosen, *(one for one in experiments if one not in chosen)][:MOST_FINALISTS]


def _rank(pair: tuple[float, Experiment], least: float) -> float:
    cost, finalist = pair
    return cost if cost > least + ablation.TIE else float(_length(finalist.policy))


def _validate(study: laboratory.Study, promising: list[Experiment]) -> dict[str, Any]:
    validation = seeds.stream("validation", study.effort.of(VALIDATION_SEEDS), root=study.brief.root)
    costs = study.marker.costs([programs.compile(one.policy) for one in promising], study.where, validation)
    return {"finalists": [{"title": one.title, "cost": cost} for one, cost in zip(promising, costs, strict=True)]}


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

"""The first research loop: profile, hypothesis, experiment, finding, composition, tuning, exam."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glia_operator.research import design as designs
from glia_operator.research import ideas, marking, tuning
from glia_operator.research import profile as profiles
from glia_operator.research.outcome import Experiment, Outcome, explain
from glia_sim import effect, exam, fleet, score, seeds
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent import futures

    from glia_operator.research import brief as briefs
    from glia_operator.research import notebook as notebooks
    from glia_sim import verdict

TRAINING_SEEDS = 240
JUDGING_SEEDS = 10
VALIDATION_SEEDS = 16
MOST_EXAMS = 3
SEARCH_COST = 24_000.0
REQUEST_COST, BLOCK_COST, BLOCK_TOKENS = 3.0, 0.2, 16
LEAST_REQUESTS = 1_000
"""A search simulation should cost no more than `SEARCH_COST` (about microseconds): a longer trace is searched on its
first part and with fewer generations, and examined whole. KV blocks cost where a prefix cache keeps them."""
KEPT_BY = 0.003
"""An idea is kept where it lowers the cost by more than this: less is noise."""
NEAR = 0.15
"""An idea whose cost comes so close to the best is tried again in company."""
NEAREST = 2
TIMELINE_POINTS = 200
CONTROLS = ("expert", "hra-spf", "hra-spf-aged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a study stands: experiments begun of at most `total`, and what it is doing."""

    done: int
    total: int
    doing: str
    simulations: int


@dataclass(slots=True, kw_only=True)
class _Study:
    """What a running study holds: the best design so far, its cost, and the record of experiments."""

    brief: briefs.Brief
    notebook: notebooks.Notebook
    marker: marking.Marker
    progress: Callable[[Progress], None]
    where: tuple[marking.Condition, ...]
    training: tuple[int, ...]
    factor: float
    design: designs.Design = field(default_factory=designs.Design)
    values: dict[str, float] = field(default_factory=dict)
    cost: float = 0.0
    experiments: list[Experiment] = field(default_factory=list)

    def tell(self, doing: str) -> None:
        self.progress(
            Progress(
                done=len(self.experiments),
                total=self.brief.experiments,
                doing=doing,
                simulations=self.marker.simulations,
            )
        )

    def sweep(self, population: int, generations: int, seed_count: int, offset: int) -> tuning.Sweep:
        return tuning.Sweep(
            population=population,
            generations=max(2, round(generations * self.factor)),
            seeds=seed_count,
            offset=offset,
        )


def run(
    brief: briefs.Brief,
    *,
    notebook: notebooks.Notebook,
    executor: futures.Executor,
    progress: Callable[[Progress], None] = lambda _progress: None,
    clock: Callable[[], float] = lambda: 0.0,
) -> Outcome:
    """Answer a brief; steps that the notebook holds already are not run again.

    The same brief gives the same answer, whatever the executor.

    Args:
        brief: the question.
        notebook: of this study alone.
        executor: where simulations run.
        progress: called as the study moves.
        clock: seconds since the study began, for the brief's time limit.

    Raises:
        InputFault: the fleet cannot serve the workload, or the baseline faults.
    """
    fleet.check(brief.fleet, brief.workload)
    notebook.append("brief", "brief", {"digest": brief.digest, "baseline": brief.baseline.name})
    study = _begin(brief, notebook, executor, progress)
    study.tell("profiling the baseline")
    found = _profile(brief)
    notebook.append("profile", "baseline", score.as_json(found))
    agenda = ideas.ranked(brief, found)
    for idea in agenda[: max(brief.experiments - 1, 0)]:
        if brief.seconds is None or clock() < brief.seconds:
            _try_idea(study, idea)
    for control in _controls(brief)[: max(brief.experiments - 4 - len(study.experiments), 0)]:
        if brief.seconds is None or clock() < brief.seconds:
            _try_control(study, control)
    for composition in _compositions(study, agenda):
        if len(study.experiments) < brief.experiments and (brief.seconds is None or clock() < brief.seconds):
            _tune_composition(study, composition)
    return _conclude(study, found)


def _begin(
    brief: briefs.Brief,
    notebook: notebooks.Notebook,
    executor: futures.Executor,
    progress: Callable[[Progress], None],
) -> _Study:
    marker = marking.Marker(brief=brief, baseline=programs.compile(brief.baseline), executor=executor)
    searched, factor = _affordable(brief)
    marker.brief = searched
    return _Study(
        brief=brief,
        notebook=notebook,
        marker=marker,
        progress=progress,
        where=marking.conditions(searched),
        training=seeds.stream("training", TRAINING_SEEDS, root=brief.root),
        factor=factor,
    )


def _affordable(brief: briefs.Brief) -> tuple[briefs.Brief, float]:
    """The brief with as much of the trace as search can afford, and the share of the generations."""
    workload = brief.workload
    each = REQUEST_COST
    if workload.has_prefixes:
        each += BLOCK_COST * float(workload.prompt_tokens.mean()) / BLOCK_TOKENS
    rows = min(workload.requests, max(LEAST_REQUESTS, int(SEARCH_COST / each)))
    first = float(workload.arrival_s[0])
    return replace(brief, workload=workload.limited(first, rows)), min(1.0, SEARCH_COST / (each * rows))


def _profile(brief: briefs.Brief) -> profiles.Profile:
    step = max(brief.workload.duration_s / TIMELINE_POINTS, 0.05)
    return profiles.profile(
        runs.simulate(brief.fleet, brief.workload, programs.compile(brief.baseline), timeline_s=step)
    )


def _controls(brief: briefs.Brief) -> tuple[str, ...]:
    """Known policies, tuned like any idea, so that a composition has something to beat."""
    return CONTROLS if "router" in brief.tunes else ()


def _try_idea(study: _Study, idea: ideas.Idea) -> None:
    """Tune the idea on top of the best design so far, and keep it where the cost falls."""
    candidate = idea.change(study.design)
    if candidate == study.design and study.experiments:
        return
    policy = designs.compose(candidate, tuning.merged(candidate, study.values), name=_name(idea.title))
    done = _experiment(study, idea.title, idea.hypothesis, idea.addresses, policy)
    if done.kept:
        study.design, study.cost = candidate, done.cost
        study.values = {name: parameter.value for name, parameter in done.policy.parameters.items()}


def _try_control(study: _Study, name: str) -> None:
    hypothesis = f"Control: the known policy {name}, tuned on the same budget, is not better than the composition."
    _experiment(study, f"control: {name}", hypothesis, "control", document.load(name))


def _compositions(study: _Study, agenda: tuple[ideas.Idea, ...]) -> list[designs.Design]:
    """The composition so far with the nearest miss, and with the two nearest; by itself where nothing came near.

    An idea may fail alone and pay in company, so the nearest are given another chance beside what was kept.
    """
    if study.cost >= 0.0:
        return []
    by_title = {one.title: one for one in study.experiments}
    near = [
        (by_title[idea.title].cost, idea)
        for idea in agenda
        if idea.title in by_title
        and not by_title[idea.title].kept
        and by_title[idea.title].cost < study.cost + NEAR
        and idea.change(study.design).order == study.design.order
    ]
    nearest = [idea for _, idea in sorted(near, key=lambda pair: pair[0])][:NEAREST]
    if not nearest:
        return [study.design]
    together = study.design
    for idea in nearest:
        together = idea.change(together)
    return list(dict.fromkeys([nearest[0].change(study.design), together]))


def _tune_composition(study: _Study, composition: designs.Design) -> None:
    """Tune all parameters of a composition together, with a larger sweep."""
    policy = designs.compose(composition, tuning.merged(composition, study.values), name="composition")
    hypothesis = (
        f"{designs.rationale(composition)} Parameters that were tuned one idea at a time are not best together: "
        "a joint sweep lowers the cost."
    )
    title = f"composition of {len(designs.knobs(composition))} parameters, tuned together"
    done = _experiment(study, title, hypothesis, "composition", policy, larger=True)
    if done.kept:
        study.design, study.cost = composition, done.cost
        study.values = {name: parameter.value for name, parameter in done.policy.parameters.items()}


def _name(title: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in title.lower()).strip("-")


def _experiment(
    study: _Study, title: str, hypothesis: str, addresses: str, policy: document.Policy, *, larger: bool = False
) -> Experiment:
    """Run one experiment, or read its result in the notebook."""
    study.tell(title)
    number = len(study.experiments) + 1
    key = f"{number} {title} {policy.digest}"
    study.notebook.append("hypothesis", key, {"hypothesis": hypothesis, "policy": document.dumps(policy)})
    body = study.notebook.recall("experiment", key)
    if body is None:
        body = _measure(study, number, policy, larger=larger)
        study.notebook.append("experiment", key, body)
    else:
        study.marker.simulations += body["simulations"]
    tuned = document.with_values(policy, body["values"])
    kept = addresses != "control" and body["cost"] < study.cost - KEPT_BY
    done = Experiment(
        number=number,
        title=title,
        hypothesis=hypothesis,
        addresses=addresses,
        policy=tuned,
        simulations=body["simulations"],
        effect=effect.Effect(**body["effect"]),
        p99_ratio=body["p99_ratio"],
        cost=body["cost"],
        finding=_finding(study, body, kept=kept, control=addresses == "control"),
        kept=kept,
    )
    study.notebook.append("finding", key, {"finding": done.finding, "kept": kept})
    study.experiments.append(done)
    return done


def _measure(study: _Study, number: int, policy: document.Policy, *, larger: bool) -> dict[str, Any]:
    """Tune a policy, then mark where it began and where it ended on seeds that all experiments share."""
    before = study.marker.simulations
    sweep = study.sweep(8, 8, 4, number * 7) if larger else study.sweep(6, 4, 2, number * 7)
    values = tuning.tune(policy, study.marker, study.where, study.training[JUDGING_SEEDS:], sweep)
    ends = [{name: parameter.value for name, parameter in policy.parameters.items()}, values]
    programs_ = [programs.compile(document.with_values(policy, end)) for end in ends]
    marks = study.marker.marks(programs_, study.where, study.training[:JUDGING_SEEDS])
    costs = [marking.cost(study.brief, marks[:, :, 0], marks[:, :, 1 + k]) for k in range(2)]
    better = int(costs[1] < costs[0])
    old, new = marks[0, :, 0], marks[0, :, 1 + better]
    found = effect.paired(old[:, 0], new[:, 0], study.brief.objective.metric, seed=exam.INTERVAL_SEED)
    return {
        "values": ends[better],
        "simulations": study.marker.simulations - before,
        "cost": costs[better],
        "effect": score.as_json(found),
        "p99_ratio": float(np.exp(np.log(new[:, 1] / old[:, 1]).mean())),
    }


def _finding(study: _Study, body: dict[str, Any], *, kept: bool, control: bool) -> str:
    found = body["effect"]
    gain = study.brief.objective.improvement(found["estimate"])
    what = (
        f"{study.brief.objective.name} {found['baseline']:.4g} -> {found['candidate']:.4g} ({gain:+.1%}), "
        f"p99 x{body['p99_ratio']:.3f}, cost {body['cost']:+.3f} against {study.cost:+.3f}"
    )
    if control:
        return f"{what}: {'better than' if body['cost'] < study.cost else 'no better than'} the composition so far."
    return f"{what}: {'kept' if kept else 'not kept'}."


def _conclude(study: _Study, found: profiles.Profile) -> Outcome:
    """Choose on validation seeds, sit the exam with the best, and explain."""
    finalists = _finalists(study)
    marked: verdict.Verdict | None = None
    best = study.brief.baseline
    for candidate in finalists:
        study.tell(f"exam of {candidate.title}")
        marked = _examine(study, candidate.policy)
        study.notebook.append(
            "exam",
            candidate.policy.digest,
            {"approved": marked.approved, "reasons": list(marked.reasons), "improvement": marked.improvement},
        )
        if marked.approved:
            best = candidate.policy
            break
    if marked is None:
        marked = _examine(study, study.brief.baseline)
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
        profile=found,
        explanation=(),
    )
    return replace(outcome, explanation=explain(outcome))


def _finalists(study: _Study) -> list[Experiment]:
    """Experiments that beat the baseline in search, best first by their cost on validation seeds."""
    promising = sorted((one for one in study.experiments if one.cost < 0.0), key=lambda one: one.cost)[:4]
    if not promising:
        return []
    study.tell("choosing among the finalists on validation seeds")
    validation = seeds.stream("validation", VALIDATION_SEEDS, root=study.brief.root)
    costs = study.marker.costs([programs.compile(one.policy) for one in promising], study.where, validation)
    order = sorted(range(len(promising)), key=lambda k: costs[k])
    named = [{"title": promising[k].title, "cost": costs[k]} for k in order]
    study.notebook.append("validation", "finalists", named)
    return [promising[k] for k in order if costs[k] < 0.0][:MOST_EXAMS]


def _examine(study: _Study, policy: document.Policy) -> verdict.Verdict:
    before = study.marker.simulations
    counted: list[int] = []
    marked = exam.examine(
        study.brief.fleet,
        study.brief.workload,
        baseline=study.marker.baseline,
        candidate=programs.compile(policy),
        rules=study.brief.rules,
        executor=study.marker.executor,
        root=study.brief.root,
        progress=lambda _done, total: counted.append(total),
    )
    study.marker.simulations = before + 2 * (counted[-1] if counted else 0)
    return marked

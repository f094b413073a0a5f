"""The first research loop: profile, hypotheses, experiments, compositions, conclusion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from glia_operator.research import conclusion, ideas, laboratory, marking, tuning
from glia_operator.research import design as designs
from glia_operator.research import effort as efforts
from glia_operator.research import profile as profiles
from glia_sim import fleet, records, score, seeds
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent import futures

    from glia_operator.research import brief as briefs
    from glia_operator.research import notebook as notebooks
    from glia_operator.research import outcome as outcomes

Progress = laboratory.Progress
TRAINING_SEEDS = 240
NEAR = 0.15
"""An idea whose cost comes so close to the best is tried again in company."""
NEAREST = 2
TIMELINE_POINTS = 200
CONTROLS = ("expert", "hra-spf", "hra-spf-aged")


def run(
    brief: briefs.Brief,
    *,
    notebook: notebooks.Notebook,
    executor: futures.Executor,
    progress: Callable[[Progress], None] = lambda _progress: None,
    clock: Callable[[], float] = lambda: 0.0,
) -> outcomes.Outcome:
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
    found = _profile(study)
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
    return conclusion.conclude(study, found)


def _begin(
    brief: briefs.Brief,
    notebook: notebooks.Notebook,
    executor: futures.Executor,
    progress: Callable[[Progress], None],
) -> laboratory.Study:
    marker = marking.Marker(brief=brief, baseline=programs.compile(brief.baseline), executor=executor)
    effort = efforts.affordable(brief.workload)
    marker.brief = replace(brief, workload=effort.workload)
    return laboratory.Study(
        brief=brief,
        notebook=notebook,
        marker=marker,
        progress=progress,
        where=marking.conditions(marker.brief),
        training=seeds.stream("training", TRAINING_SEEDS, root=brief.root),
        effort=effort,
    )


def _profile(study: laboratory.Study) -> profiles.Profile:
    brief = study.brief
    step = max(brief.workload.duration_s / TIMELINE_POINTS, 0.05)

    def measure() -> dict[str, object]:
        run = runs.simulate(brief.fleet, brief.workload, programs.compile(brief.baseline), timeline_s=step)
        return {"profile": score.as_json(profiles.profile(run))}

    return records.restored(profiles.Profile, study.once("profile", "baseline", measure)["profile"])


def _controls(brief: briefs.Brief) -> tuple[str, ...]:
    """Known policies, tuned like any idea, so that a composition has something to beat."""
    return CONTROLS if "router" in brief.tunes else ()


def _try_idea(study: laboratory.Study, idea: ideas.Idea) -> None:
    """Tune the idea on top of the best design so far, and keep it where the cost falls."""
    candidate = idea.change(study.design)
    if designs.texts(candidate) == designs.texts(study.design):
        return
    policy = designs.compose(candidate, tuning.merged(candidate, study.values), name=_name(idea.title))
    plan = laboratory.Plan(title=idea.title, hypothesis=idea.hypothesis, addresses=idea.addresses, policy=policy)
    study.build_on(candidate, laboratory.experiment(study, plan))


def _try_control(study: laboratory.Study, name: str) -> None:
    hypothesis = f"Control: the known policy {name}, tuned on the same budget, is not better than the composition."
    plan = laboratory.Plan(
        title=f"control: {name}", hypothesis=hypothesis, addresses="control", policy=document.load(name)
    )
    laboratory.experiment(study, plan)


def _compositions(study: laboratory.Study, agenda: tuple[ideas.Idea, ...]) -> list[designs.Design]:
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


def _tune_composition(study: laboratory.Study, composition: designs.Design) -> None:
    """Tune all parameters of a composition together, with a larger sweep."""
    plan = laboratory.Plan(
        title=f"composition of {len(designs.knobs(composition))} parameters, tuned together",
        hypothesis=f"{designs.rationale(composition)} Parameters that were tuned one idea at a time are not best "
        "together: a joint sweep lowers the cost.",
        addresses="composition",
        policy=designs.compose(composition, tuning.merged(composition, study.values), name="composition"),
        population=10,
        generations=20,
        seeds=6,
    )
    study.build_on(composition, laboratory.experiment(study, plan))


def _name(title: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in title.lower()).strip("-")

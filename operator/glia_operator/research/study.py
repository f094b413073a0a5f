"""A study: profile the baseline, let the team work, and conclude."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from glia_operator.research import conclusion, desk, laboratory, marking, strategy
from glia_operator.research import effort as efforts
from glia_operator.research import profile as profiles
from glia_operator.research.playbook import brain as playbook
from glia_sim import fleet, records, score, seeds
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent import futures

    from glia_operator.research import brief as briefs
    from glia_operator.research import notebook as notebooks
    from glia_operator.research import outcome as outcomes
    from glia_operator.research import team

Progress = laboratory.Progress
TRAINING_SEEDS = 240
TIMELINE_POINTS = 200


def run(
    brief: briefs.Brief,
    *,
    notebook: notebooks.Notebook,
    executor: futures.Executor,
    brain: team.Brain | None = None,
    progress: Callable[[Progress], None] = lambda _progress: None,
    clock: Callable[[], float] = lambda: 0.0,
) -> outcomes.Outcome:
    """Answer a brief; steps that the notebook holds already are not taken again.

    The same brief gives the same answer, whatever the executor, as far as the brain always answers the same.

    Args:
        brief: the question.
        notebook: of this study alone.
        executor: where simulations run.
        brain: who thinks; None = the playbook.
        progress: called as the study moves.
        clock: seconds since the study began, for the brief's time limit.

    Raises:
        InputFault: the fleet cannot serve the workload, the baseline faults, or the strategy is unknown or does not fit
            the brain.
    """
    brain = brain or playbook.Playbook()
    work = strategy.named(brief.strategy, brain)
    fleet.check(brief.fleet, brief.workload)
    notebook.append("brief", "brief", {"digest": brief.digest, "baseline": brief.baseline.name})
    if brief.hints:
        notebook.append("hints", "hints", {"hints": brief.hints})
    study = _begin(brief, notebook, executor, progress)
    study.tell("profiling the baseline")
    found = _profile(study)
    research = desk.Research(
        study=study,
        brain=brain,
        profile=found,
        go_on=lambda: len(study.experiments) < brief.experiments and (brief.seconds is None or clock() < brief.seconds),
    )
    work(research)
    return conclusion.conclude(research)


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

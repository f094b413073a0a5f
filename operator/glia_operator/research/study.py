"""A study: profile the baseline, let the team work, and conclude."""

from __future__ import annotations

import itertools
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
TIME = "time"
"""Kind of the records of what the clock said, where a study has a time limit."""
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
        go_on=_left(study, clock),
    )
    work(research)
    return conclusion.conclude(research)


def spent_s(notebook: notebooks.Notebook) -> float:
    """Seconds that a study had spent when it last looked at its clock; 0 where it never did."""
    spent = 0.0
    looks = itertools.count(1)
    while (known := notebook.recall(TIME, f"{next(looks)}")) is not None:
        spent = float(known["spent_s"])
    return spent


def _left(study: laboratory.Study, clock: Callable[[], float]) -> Callable[[], bool]:
    """Whether experiments and time are left.

    What the clock said stands in the notebook: a study that is resumed when its time is over has all that it did in
    time, and one that is given more time goes on.
    """
    looks = itertools.count(1)

    def left() -> bool:
        if len(study.experiments) >= study.brief.experiments:
            return False
        if study.brief.seconds is None:
            return True
        key = f"{next(looks)}"
        known = study.notebook.recall(TIME, key)
        if known is None:
            known = {"spent_s": clock()}
            study.notebook.append(TIME, key, known)
        return bool(known["spent_s"] < study.brief.seconds)

    return left


def _begin(
    brief: briefs.Brief,
    notebook: notebooks.Notebook,
    executor: futures.Executor,
    progress: Callable[[Progress], None],
) -> laboratory.Study:
    marker = marking.Marker(brief=brief, baseline=programs.compile(brief.baseline), executor=executor)
    effort = efforts.affordable(brief.workload, constrained=bool(brief.constraints))
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

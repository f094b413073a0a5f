"""`glia optimize`: research a better policy for a fleet and a trace, examine it, and report."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import progress as bars
from rich.console import Console

from glia_operator.adapters import brains, executors
from glia_operator.adapters import model as models
from glia_operator.api import offline_file
from glia_operator.cli import cut as cuts
from glia_operator.cli import files, marks, measure, scene
from glia_operator.report import page, story
from glia_operator.research import asked, study
from glia_operator.research import brief as briefs
from glia_operator.research import notebook as notebooks
from glia_operator.research.playbook import brain as playbook
from glia_sim import faults, goal
from glia_sim.policy import document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from glia_operator.research import outcome as outcomes
    from glia_operator.research import team
    from glia_sim.engine import run as runs

INTERRUPTED = 130
BRAINS: dict[str, Callable[[], team.Brain]] = {"playbook": playbook.Playbook, "openai": models.from_environment}
TIMELINE_POINTS = 400
BUDGET = re.compile(r"\s*(\d+)\s*(experiments?|s|m|min)?\s*", re.ASCII)
SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asks, and about what."""

    cut: cuts.Cut
    asked: asked.Asked
    brain: team.Brain
    baseline: str = "llq"


def from_file(path: str) -> Wish:
    """The wish in a `GliaOptimization` with an offline section."""
    spec = offline_file.load(pathlib.Path(path)).spec
    offline = spec.offline
    cut = cuts.Cut(
        fleet=offline.fleet,
        trace=offline.trace,
        time_scale=offline.time_scale,
        start=offline.start,
        limit=offline.limit,
    )
    brain = brains.named(spec.research, key=models.key(os.environ))
    return Wish(cut=cut, asked=asked.asked(spec), brain=brain, baseline=offline.baseline)


def from_options(
    cut: cuts.Cut,
    *,
    baseline: str,
    objective: str,
    constraints: tuple[str, ...],
    budget: str,
    seed: int,
    strategy: str,
    brain: str,
    hint: str,
) -> Wish:
    """The wish in the command's options."""
    experiments, seconds = _budget(budget)
    thinks = _brain(brain)
    what = asked.Asked(
        objective=goal.objective(objective),
        constraints=tuple(goal.constraint(text) for text in constraints),
        experiments=experiments,
        seconds=seconds,
        root=seed,
        strategy=strategy,
        brain=thinks.name,
        hints=hint,
    )
    return Wish(cut=cut, asked=what, brain=thinks, baseline=baseline)


def _brain(name: str) -> team.Brain:
    if name not in BRAINS:
        raise faults.InputFault(f"--brain {name!r}: it must be one of {', '.join(BRAINS)}")
    return BRAINS[name]()


def run(wish: Wish, *, out: str | None, executor: executors.Settings, as_json: bool) -> None:
    """Answer the wish; an interrupted study goes on when the same command is given again.

    Raises:
        InputFault: before anything is written, where the wish cannot be answered.
        SystemExit: 130 after Ctrl-C.
    """
    began = time.monotonic()
    where = scene.load(wish.cut)
    brief = asked.brief(
        wish.asked, machines=where.machines, workload=where.workload, baseline=document.load(wish.baseline)
    )
    folder = pathlib.Path(out or f"glia-out/{where.machines.name}-{brief.digest[7:19]}")
    book = notebooks.File(_notebook(folder, brief))
    spent_s = study.spent_s(book)
    measure.measure(where, wish.baseline, brief.baseline)
    wish.brain.check()
    try:
        with executors.open_executor(executor) as pool, _bar() as show:
            outcome = study.run(
                brief,
                notebook=book,
                executor=pool,
                brain=wish.brain,
                progress=show,
                clock=lambda: spent_s + time.monotonic() - began,
            )
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted; the same command with --out {folder} goes on from {book.path}\n")
        raise SystemExit(INTERRUPTED) from None
    _deliver(where, brief, outcome, folder, began=began, as_json=as_json)


def _budget(text: str) -> tuple[int, float | None]:
    """Experiments and seconds from `20`, `20 experiments`, `90s` or `3m`."""
    match = BUDGET.fullmatch(text)
    if match is None or int(match[1]) < 1:
        raise faults.InputFault(f"--budget {text!r}: write a number of experiments such as 20, or a time such as 3m")
    number, unit = int(match[1]), match[2] or "experiments"
    return (20, number * SECONDS[unit]) if unit in SECONDS else (number, None)


def _notebook(folder: pathlib.Path, brief: briefs.Brief) -> pathlib.Path:
    """The study's notebook in a folder that is its own."""
    path = folder / "notebook.jsonl"
    if folder.exists() and not folder.is_dir():
        raise faults.InputFault(f"{folder}: is not a folder; name another with --out")
    if path.exists():
        known = notebooks.File(path).recall("brief", "brief")
        if known is not None and known["digest"] != brief.digest:
            raise faults.InputFault(f"{path}: belongs to another question; name another folder with --out")
    return path


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[study.Progress], None]]:
    """A progress bar on standard error."""
    columns = (
        bars.TextColumn("{task.completed}/{task.total}"),
        bars.BarColumn(),
        bars.TextColumn("{task.description}"),
    )
    with bars.Progress(*columns, bars.TimeElapsedColumn(), console=Console(stderr=True)) as shown:
        task = shown.add_task("", total=None)

        def show(at: study.Progress) -> None:
            shown.update(
                task, completed=at.done, total=at.total, description=f"{at.doing} ({at.simulations} simulations)"
            )
            if not shown.console.is_terminal:
                sys.stderr.write(f"{at.done}/{at.total} {at.doing} ({at.simulations} simulations)\n")

        yield show


def _deliver(
    where: scene.Scene,
    brief: briefs.Brief,
    outcome: outcomes.Outcome,
    folder: pathlib.Path,
    *,
    began: float,
    as_json: bool,
) -> None:
    """Write policy and report, and print the answer."""
    every = max(where.workload.duration_s / TIMELINE_POINTS, 0.05)
    pair = [
        measure.measure(where, policy.name, policy, timeline_s=every) for policy in (outcome.baseline, outcome.best)
    ]
    policy, report = folder / "policy.yaml", folder / "report.html"
    told = _story(where, brief, outcome, (pair[0].run, pair[1].run), wall_s=time.monotonic() - began)
    files.write(policy, document.dumps(outcome.best))
    files.write(report, page.render(told))
    rows = [
        marks.row(one.label, card, one.cpu_s)
        for one, card in zip(pair, (outcome.baseline_card, outcome.best_card), strict=True)
    ]
    answer = {
        "baseline": rows[0],
        "best": rows[1],
        "improvement": outcome.improvement,
        "interval": list(outcome.interval),
        "experiments": len(outcome.experiments),
        "simulations": outcome.simulations,
        "wall_s": time.monotonic() - began,
        "approved": outcome.best is not outcome.baseline,
        "policy": str(policy),
        "report": str(report),
        "notebook": str(folder / "notebook.jsonl"),
    }
    sys.stdout.write(marks.dumps(answer) + "\n" if as_json else _text(outcome, rows, answer))


def _story(
    where: scene.Scene,
    brief: briefs.Brief,
    outcome: outcomes.Outcome,
    pair: tuple[runs.Run, runs.Run],
    *,
    wall_s: float,
) -> story.Story:
    return story.Story(
        machines=where.machines,
        workload=where.workload,
        objective=brief.objective,
        constraints=brief.constraints,
        outcome=outcome,
        runs=pair,
        wall_s=wall_s,
    )


def _text(outcome: outcomes.Outcome, rows: list[marks.Row], answer: dict[str, object]) -> str:
    """The answer for people: the marks on held-out arrivals, the reasons, and where everything stands."""
    lines = [f"{one.number:3d}. {one.title}: {one.finding}" for one in outcome.experiments]
    approved = "approved" if answer["approved"] else "nothing approved; the baseline stays"
    reasons = "\n".join(f"- {sentence}" for sentence in outcome.explanation)
    places = "\n".join(f"{name}: {answer[name]}" for name in ("policy", "report", "notebook"))
    return (
        "\n".join(lines)
        + f"\n\nheld-out arrivals, {len(outcome.verdict.seeds)} seeds pooled:\n{marks.table(rows)}"
        + f"\n{approved}: {outcome.improvement:+z.1%} ({outcome.interval[0]:+z.1%} to {outcome.interval[1]:+z.1%}), "
        + f"{answer['experiments']} experiments, {answer['simulations']} simulations, {answer['wall_s']:.0f} s\n"
        + f"\n{reasons}\n\n{document.dumps(outcome.best)}\n{places}\n"
    )

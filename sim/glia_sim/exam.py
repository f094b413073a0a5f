"""The fixed exam that marks every candidate before it may be approved; docs/scoring.md states its rules."""

from __future__ import annotations

from concurrent import futures
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glia_sim import effect, faults, fleet, score, seeds, trial, verdict
from glia_sim.engine import run as runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from glia_sim.policy import compile as programs
    from glia_sim.workload import trace

HELDOUT_SEEDS = 20
ROBUSTNESS_SEEDS = 10
KV_SCALE = 0.9
SCRAPE_INTERVAL_S = 0.2
INTERVAL_SEED = 20_250
"""Seeds the bootstrap of every interval, so that an exam repeated is the same exam."""

Records = tuple[score.Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One section's question: what is tried, and on which seeds."""

    title: str
    trial: trial.Trial
    seeds: tuple[int, ...]


def examine(
    machines: fleet.Fleet,
    workload: trace.Workload,
    *,
    baseline: programs.Program,
    candidate: programs.Program,
    rules: verdict.Rules,
    executor: futures.Executor,
    simulate: trial.Simulate = runs.simulate,
    root: int = 0,
    sitting: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> verdict.Verdict:
    """Serve held-out arrivals under both policies, in the conditions as they are and in harder ones, and decide.

    Args:
        machines: the fleet as it is.
        workload: the trace that held-out arrivals are resampled from.
        baseline: the policy in use.
        candidate: the policy that would replace it.
        rules: objective, constraints and least improvement.
        executor: where simulations run; results do not depend on it.
        simulate: the twin.
        root: root of the held-out seeds (`seeds.stream`).
        sitting: how many exams of the same study came before; each has held-out seeds of its own.
        progress: called with (trials done, trials in all) after each one.

    Raises:
        InputFault: the fleet cannot serve the workload.
    """
    fleet.check(machines, workload)
    pair = trial.Trial(machines=machines, workload=workload, programs=(baseline, candidate), seed=0)
    heldout = seeds.stream("heldout", (sitting + 1) * HELDOUT_SEEDS, root=root)[sitting * HELDOUT_SEEDS :]
    papers, notes = _papers(pair, heldout)
    trials = [replace(paper.trial, seed=seed) for paper in papers for seed in paper.seeds]
    records = iter(run(trials, executor=executor, simulate=simulate, progress=progress))
    sections = [_section(paper.title, [next(records) for _ in paper.seeds], rules) for paper in papers]
    return verdict.decide(rules, sections[0], tuple(sections[1:]), notes=notes, seeds=papers[0].seeds)


def run(
    trials: Sequence[trial.Trial],
    *,
    executor: futures.Executor,
    simulate: trial.Simulate = runs.simulate,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Records]:
    """Records of every trial, in the order of `trials`; what has not begun is cancelled when one fails."""
    jobs = [executor.submit(trial.play, one, simulate) for one in trials]
    try:
        for done, job in enumerate(futures.as_completed(jobs), start=1):
            job.result()
            progress(done, len(jobs))
    finally:
        for job in jobs:
            job.cancel()
    return [job.result() for job in jobs]


def _papers(pair: trial.Trial, heldout: tuple[int, ...]) -> tuple[list[Paper], tuple[str, ...]]:
    """The held-out section first, then the robustness suite, and a note for each condition left out."""
    suite = heldout[:ROBUSTNESS_SEEDS]
    papers = [
        Paper(title="held-out", trial=pair, seeds=heldout),
        Paper(title="load x0.8", trial=replace(pair, load=0.8), seeds=suite),
        Paper(title="load x1.2", trial=replace(pair, load=1.2), seeds=suite),
        Paper(title="burstier", trial=replace(pair, burstier=True), seeds=suite),
    ]
    notes = []
    small = pair.machines.with_kv(KV_SCALE)
    try:
        fleet.check(small, pair.workload)
        papers.append(Paper(title="KV x0.9", trial=replace(pair, machines=small), seeds=suite))
    except faults.InputFault as fault:
        notes.append(f"KV x0.9 is not examined, for no policy could serve every request: {fault}")
    if pair.machines.router.views == "scraped":
        notes.append("production views are not examined apart: this fleet's router has them already")
    else:
        live = pair.machines.with_views("scraped", SCRAPE_INTERVAL_S)
        papers.append(Paper(title="production views", trial=replace(pair, machines=live), seeds=suite))
    return papers, tuple(notes)


def _section(title: str, records: Sequence[Records], rules: verdict.Rules) -> verdict.Section:
    old, new = ([score.pool([pair[side]]) for pair in records] for side in (0, 1))
    return verdict.Section(
        title=title,
        objective=effect.compare(old, new, rules.objective.metric, seed=INTERVAL_SEED),
        tail=effect.compare(old, new, verdict.TAIL, seed=INTERVAL_SEED),
        baseline=score.pool([pair[0] for pair in records]),
        candidate=score.pool([pair[1] for pair in records]),
    )

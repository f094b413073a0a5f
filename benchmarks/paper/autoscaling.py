"""The autoscaler alone, against a scaler that knows the future."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.research import brief as briefs
from glia_sim import effect, exam, score, trial
from glia_sim.policy import document
from paper import clairvoyant, point, tables, variable

if TYPE_CHECKING:
    from concurrent import futures

    from glia_sim import fleet as fleets
    from glia_sim.workload import trace
    from paper import asking

TITLE = "Autoscaler on a variable load"
DATA = variable.DATA
ROUTER = "llq"
EXPERIMENTS = 6
CLAIRVOYANT_SEEDS = 3
PROPORTIONAL = "replicas in proportion to the load"
"""Title of the experiment that tunes what the paper describes: proportional control on requests in flight."""
KNOWING = (
    "Clairvoyant: the cheapest schedule of replicas that coordinate descent finds on each held-out hour itself, with "
    "arrivals and reply lengths known, and the same router, start-up delay, bounds and draining. It is found, not "
    "proven: a cheaper one may exist."
)
NOTES = (
    "Static: the fewest replicas that keep p95 slowdown < 5 over the hour. Saving: of its GPU-hours.",
    KNOWING,
    "Shares of the clairvoyant's saving are over the hours that it knows, savings over all.",
    "The GPU-hours count start-up and draining. A drained replica is paid until its last reply ends.",
)


def table(asked: asking.Asked) -> tables.Table:
    """A static fleet, what this project's study designs, and a clairvoyant schedule, on the same held-out hours."""
    workload, llq = variable.hour(asked), document.load(ROUTER)
    count = variable.fewest(asked, workload, llq)
    machines, seeds = variable.starting(count), variable.heldout()
    # Begun before the study, which then fills the worker that the last schedule would leave idle.
    schedules = _schedules(asked, machines, workload, seeds[:CLAIRVOYANT_SEEDS])
    outcome = asked.study(
        briefs.Brief(
            fleet=machines,
            workload=workload,
            baseline=llq,
            objective=variable.GPU_HOURS,
            constraints=(variable.SLOWDOWN,),
            tunes=frozenset({"autoscaler"}),
            experiments=EXPERIMENTS,
        )
    )
    simple = next((one.policy for one in outcome.experiments if one.title == PROPORTIONAL), llq)
    static, ours, proportional = variable.pooled(asked, machines, workload, (llq, outcome.best, simple), seeds)
    known = _known(schedules)
    rows = [
        _row(f"static, {count} replicas", static, static, known),
        _row("proportional control, tuned", proportional, static, known),
        _row("this project's study", ours, static, known),
        _row(f"clairvoyant ({CLAIRVOYANT_SEEDS} of the hours)", known, static, known),
    ]
    return tables.Table(
        title=TITLE,
        command="python -m paper --only autoscaling",
        seeds=f"{variable.HELDOUT_SEEDS} held-out hours, drawn in place",
        measure="GPU-hours for an hour of load, LLQ routing, p95 slowdown < 5 asked; the paper gives no number",
        columns=("saving", "interval", "share of the clairvoyant's", "p95 slowdown", "p95 e2e (s)", "mean e2e (s)"),
        rows=tuple(rows),
        notes=(*NOTES, point.told(outcome)),
    )


def _row(label: str, marks: point.Marks, static: point.Marks, known: point.Marks) -> tables.Row:
    found = effect.compare(static.cards[: len(marks.cards)], marks.cards, "gpu_hours", seed=exam.INTERVAL_SEED)
    most = _saved(static, known)
    return tables.Row(
        label=label,
        ours=variable.hours(marks),
        more=(
            f"{-found.estimate:z.1%}",
            f"{-found.high:z.1%} to {-found.low:z.1%}",
            f"{_saved(static, marks) / most:z.0%}" if most > 0.0 else None,
            marks.pooled.charged.slowdown.p95,
            marks.pooled.charged.e2e.p95,
            marks.pooled.charged.e2e.mean,
        ),
    )


def _saved(static: point.Marks, marks: point.Marks) -> float:
    """Share of the static fleet's GPU-hours that is saved in the hours that the clairvoyant knows."""
    paid = [sum(card.gpu_hours for card in one.cards[:CLAIRVOYANT_SEEDS]) for one in (static, marks)]
    return 1.0 - paid[1] / paid[0]


def _schedules(
    asked: asking.Asked, machines: fleets.Fleet, workload: trace.Workload, seeds: tuple[int, ...]
) -> list[futures.Future[clairvoyant.Found]]:
    asked.progress(f"clairvoyant schedules of {len(seeds)} hours, beside the study")
    return [asked.executor.submit(_schedule, machines, workload, seed) for seed in seeds]


def _known(schedules: list[futures.Future[clairvoyant.Found]]) -> point.Marks:
    records = [one.result().record for one in schedules]
    return point.Marks(cards=tuple(score.pool([one]) for one in records), pooled=score.pool(records))


def _schedule(machines: fleets.Fleet, workload: trace.Workload, seed: int) -> clairvoyant.Found:
    """The clairvoyant schedule of the hour that the seed draws; runs in worker processes."""
    drawn = trial.drawn(trial.Trial(machines=machines, workload=workload, programs=(), seed=seed))
    return clairvoyant.best(machines, drawn, document.load(ROUTER), variable.SLOWDOWN, seed=0)

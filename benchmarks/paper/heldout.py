"""The operating point on held-out arrivals: known policies, known policies tuned, and the study's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.report import numbers
from glia_sim import fleet_file
from glia_sim.policy import document
from paper import point, routers, tables

if TYPE_CHECKING:
    from glia_operator.research import outcome as outcomes
    from paper import asking

TITLE = "The operating point on held-out arrivals"
DATA = (point.TRACE,)
OURS = "this project's study"
AIM = (
    "`to HRA + SPF` is the mean over that of Glia's HRA + SPF as published: the study's must be at most 0.95 (aim "
    "0.90) with a `p99 to LLQ` (geometric mean over seeds) of at most 1."
)


def table(asked: asking.Asked) -> tables.Table:
    """Every policy on the same seeds; the exam's answer in the notes."""
    machines, workload = fleet_file.load(point.FLEET), point.recorded(asked)
    outcome = asked.study(point.brief(asked))
    policies = {policy: document.load(policy) for _, policy, _ in routers.ROUTERS}
    policies |= tuned(outcome) | {OURS: outcome.best}
    marks = point.heldout(asked, machines, workload, policies)
    few = point.heldout(asked, point.sized(machines, point.UNCONTENDED), workload, {"llq": policies["llq"]})
    marks[ALONE] = few["llq"]
    known = {policy: (label, paper) for label, policy, paper in routers.ROUTERS}
    known |= {OURS: (f"{OURS}, beside Glia's best", routers.BEST), ALONE: (ALONE, routers.UNCONTENDED)}
    return tables.Table(
        title=TITLE,
        command=f"glia optimize --fleet {point.FLEET} --trace {point.TRACE} --time-scale {point.TIME_SCALE}",
        seeds=f"Pooled over {point.SEEDS} held-out seeds that no exam sat on; the paper's means are of one trace",
        measure="Mean end-to-end time in seconds",
        columns=("p50", "p90", "p99", "restarted", "against LLQ", "to HRA + SPF", "p99 to LLQ"),
        rows=tuple(_row(*known.get(name, (name, None)), one, marks) for name, one in marks.items()),
        notes=(AIM, point.told(outcome), *(f"The exam: {reason}." for reason in outcome.verdict.reasons)),
    )


ALONE = f"no contention ({point.UNCONTENDED} replicas)"


def tuned(outcome: outcomes.Outcome) -> dict[str, document.Policy]:
    """The known policies that a study tuned as controls, on the budget of one experiment each."""
    return {f"{one.policy.name}, tuned": one.policy for one in outcome.experiments if one.addresses == "control"}


def _row(label: str, paper: float | None, one: point.Marks, marks: dict[str, point.Marks]) -> tables.Row:
    card, gain = one.pooled, point.versus(marks["llq"], one)
    against = f"{numbers.signed(gain.estimate)} ({numbers.interval(gain.low, gain.high)})"
    return tables.Row(
        label=label,
        paper=paper,
        ours=card.e2e.mean,
        more=(
            card.e2e.p50,
            card.e2e.p90,
            card.e2e.p99,
            numbers.percent(card.restarted_share),
            "-" if one is marks["llq"] else against,
            f"{card.e2e.mean / marks['hra-spf'].pooled.e2e.mean:.3f}",
            f"{point.tail(marks['llq'], one):.3f}",
        ),
    )

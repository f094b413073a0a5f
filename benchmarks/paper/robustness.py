"""The operating point moved: less and more KV memory, less and more load."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glia_operator.report import numbers
from glia_sim import fleet_file
from glia_sim.policy import document
from paper import point, tables, tuned

if TYPE_CHECKING:
    from glia_sim import fleet as fleets
    from paper import asking

TITLE = "The operating point moved"
DATA = (point.TRACE,)
EXPERIMENTS = 8
AIM = (
    "The aim: re-optimised at each point, never more than 3 % above the best of LLQ, Expert and HRA + SPF in mean "
    "(`to the best`). The transferred policy is the one designed at the operating point, unchanged."
)
REPRODUCTION = (
    "The paper's numbers are an independent reproduction's of HRA + SPF over LLQ on ten traces of its own: 31.4 s to "
    "60.9 s with 3,328 blocks, 25.6 s to 61.1 s with 2,048 blocks and step times x0.7."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the operating point is moved to; `paper` is HRA + SPF's mean over LLQ's there."""

    label: str
    kv_blocks: int = 2240
    load: float = 1.0
    paper: float | None = None


PLACES = (
    Place(label="KV 2,048 blocks", kv_blocks=2048, paper=25.6 / 61.1),
    Place(label="KV 3,328 blocks", kv_blocks=3328, paper=31.4 / 60.9),
    Place(label="load x0.8", load=0.8),
    Place(label="load x1.2", load=1.2),
)
KNOWN = ("llq", "expert", "hra-spf")


def table(asked: asking.Asked) -> tables.Table:
    """A study at each place, beside known policies and the policy of the operating point itself."""
    at_home = asked.study(point.brief(asked)).best
    return tables.Table(
        title=TITLE,
        command=f"glia optimize --fleet FLEET --trace {point.TRACE} --time-scale {point.TIME_SCALE} "
        f"--budget {EXPERIMENTS}, with the fleet's num_blocks or the time scale changed",
        seeds=f"Pooled over {point.SEEDS} held-out seeds that no exam sat on",
        measure="Mean end-to-end time of the re-optimised policy as a ratio to LLQ's",
        columns=(
            "re-optimised",
            "LLQ",
            "Expert",
            "HRA + SPF",
            "HRA + SPF tuned",
            "transferred",
            "to the best",
            "p99 to LLQ",
        ),
        rows=tuple(_row(asked, place, at_home) for place in PLACES),
        notes=(AIM, REPRODUCTION),
    )


def moved(kv_blocks: int) -> fleets.Fleet:
    """The paper's fleet with so many KV blocks a replica."""
    machines = fleet_file.load(point.FLEET)
    group = machines.groups[0]
    return replace(machines, groups=(replace(group, engine=replace(group.engine, num_blocks=kv_blocks)),))


def _row(asked: asking.Asked, place: Place, at_home: document.Policy) -> tables.Row:
    asked.progress(place.label)
    home = point.brief(asked, experiments=EXPERIMENTS)
    brief = replace(home, fleet=moved(place.kv_blocks), workload=home.workload.scaled(1.0 / place.load))
    policies = {name: document.load(name) for name in KNOWN}
    policies["tuned"] = tuned.tuned(asked, brief, "hra-spf")
    policies["transferred"] = at_home
    policies["ours"] = asked.study(brief).best
    marks = point.heldout(asked, brief.fleet, brief.workload, policies)
    means = {name: one.pooled.e2e.mean for name, one in marks.items()}
    best = min(means[name] for name in (*KNOWN, "tuned"))
    gain = point.versus(marks["llq"], marks["ours"])
    return tables.Row(
        label=place.label,
        paper=place.paper,
        ours=means["ours"] / means["llq"],
        interval=(1.0 + gain.low, 1.0 + gain.high),
        more=(
            *(means[name] for name in ("ours", *KNOWN, "tuned", "transferred")),
            numbers.signed(means["ours"] / best - 1.0),
            f"{point.tail(marks['llq'], marks['ours']):.3f}",
        ),
    )

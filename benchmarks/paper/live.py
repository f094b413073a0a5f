"""The operating point with a router that sees what production sees: state scraped five times a second."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from glia_operator.report import numbers
from glia_sim import fleet_file
from glia_sim.policy import catalogue, document
from paper import point, routers, tables

if TYPE_CHECKING:
    from glia_sim import fleet as fleets
    from paper import asking

TITLE = "The operating point with production views"
DATA = (point.TRACE,)
FLEET = "paper-a10x4-live"
EXPERIMENTS = 20
OURS = "this project's study"
ROUTERS = tuple(name for name in catalogue.names() if "router" in document.load(name).texts)


def table(asked: asking.Asked) -> tables.Table:
    """Every catalogue policy with a router, and a study made under these views, streaming and not."""
    streaming = fleet_file.load(FLEET)
    clients = {"streaming": streaming, "not streaming": unseen(streaming)}
    known = {name: document.load(name) for name in ROUTERS}
    rows, told = [], []
    for name, machines in clients.items():
        outcome = asked.study(replace(point.brief(asked, experiments=EXPERIMENTS), fleet=machines))
        rows += _rows(asked, name, machines, known | {OURS: outcome.best})
        told.append(f"{name.capitalize()}: {point.told(outcome)}")
    return tables.Table(
        title=TITLE,
        command=f"glia optimize --fleet {FLEET} --trace {point.TRACE} --time-scale {point.TIME_SCALE} "
        f"--budget {EXPERIMENTS}; "
        "not streaming: with clients.streaming_share 0 in the fleet's file",
        seeds=f"Pooled over {point.SEEDS} held-out seeds that no exam sat on",
        measure="Mean end-to-end time in seconds; the paper's are with perfect views",
        columns=("p99", "restarted", "p99 to LLQ", "mean to the best of the catalogue"),
        rows=tuple(rows),
        notes=(
            "Streaming: the router sees every token as it comes. Not streaming: it sees a request begin and end.",
            *told,
        ),
    )


def unseen(machines: fleets.Fleet) -> fleets.Fleet:
    """The fleet whose clients do not stream."""
    return replace(machines, clients=replace(machines.clients, streaming_share=0.0))


def _rows(
    asked: asking.Asked, clients: str, machines: fleets.Fleet, policies: dict[str, document.Policy]
) -> list[tables.Row]:
    asked.progress(clients)
    marks = point.heldout(asked, machines, point.recorded(asked), policies)
    known = {policy: paper for _, policy, paper in routers.ROUTERS} | {OURS: routers.BEST}
    best = min(one.pooled.e2e.mean for name, one in marks.items() if name != OURS)
    return [
        tables.Row(
            label=f"{clients}: {name}",
            paper=known.get(name),
            ours=one.pooled.e2e.mean,
            more=(
                one.pooled.e2e.p99,
                numbers.percent(one.pooled.restarted_share),
                f"{point.tail(marks['llq'], one):.3f}",
                f"{one.pooled.e2e.mean / best:.3f}",
            ),
        )
        for name, one in sorted(marks.items(), key=lambda pair: -pair[1].pooled.e2e.mean)
    ]

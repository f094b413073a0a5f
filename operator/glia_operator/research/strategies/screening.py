"""A screen: one experiment about many candidates, of which successive halving on paired seeds leaves the best few."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from glia_operator.research import laboratory
from glia_sim.policy import compile as programs
from glia_sim.policy import document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.research import marking
    from glia_operator.research import outcome as outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A policy and a program that decides as it does; `parts` is as in `team.Turn`."""

    policy: document.Policy
    program: programs.Program
    parts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A round of a screen: arrivals of the fleet as it is, arrivals and conditions that are harder, and who stays.

    Attributes:
        seeds: for the fleet as it is.
        elsewhere: how many of them serve under harder conditions too.
        conditions: how many harder conditions, in turn from one screen to the next.
        stays: share of the candidates that go on.
    """

    seeds: int
    elsewhere: int
    conditions: int
    stays: float


RUNGS = (
    Rung(seeds=3, elsewhere=1, conditions=1, stays=1 / 3),
    Rung(seeds=6, elsewhere=1, conditions=4, stays=2 / 5),
    Rung(seeds=12, elsewhere=2, conditions=4, stays=3 / 8),
)
"""With 60 candidates 240, 200 and 160 simulations, and 210 to judge the last three."""
JUDGED = 3
"""So many reach the end, and are judged as every experiment is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """What a screen left.

    Attributes:
        experiment: what the winner became.
        order: places of all candidates, best first; those that fell in an early round stand behind all that stayed.
        judged: places and costs of the candidates that reached the end, best first.
    """

    experiment: outcomes.Experiment
    order: tuple[int, ...]
    judged: tuple[tuple[int, float], ...]


def screen(study: laboratory.Study, plan: laboratory.Plan, candidates: Sequence[Candidate]) -> Screened:
    """Run a screen as one experiment, or read its result in the notebook.

    Args:
        study: the study.
        plan: title and hypothesis; its policy is what the candidates come from.
        candidates: what is compared.
    """
    contents = "\n".join(one.policy.digest for one in candidates)
    identity = f"sha256:{hashlib.sha256(contents.encode()).hexdigest()}"
    body = laboratory.begun(study, plan, identity, lambda: _measure(study, candidates))
    winner = candidates[body["judged"][0][0]]
    done = laboratory.concluded(study, replace(plan, policy=winner.policy, parts=winner.parts), identity, body)
    return Screened(
        experiment=done,
        order=tuple(body["order"]),
        judged=tuple((place, cost) for place, cost in body["judged"]),
    )


def _measure(study: laboratory.Study, candidates: Sequence[Candidate]) -> dict[str, Any]:
    order = _halved(study, [one.program for one in candidates])
    last = order[:JUDGED]
    marked = laboratory.judged(study, [programs.compile(candidates[place].policy) for place in last])
    ranked = sorted(range(len(last)), key=lambda k: (marked[k]["cost"], k))
    winner = last[ranked[0]]
    return {
        "order": [*(last[k] for k in ranked), *order[JUDGED:]],
        "judged": [(last[k], marked[k]["cost"]) for k in ranked],
        "values": {name: one.value for name, one in candidates[winner].policy.parameters.items()},
        "policy": document.dumps(candidates[winner].policy),
        **marked[ranked[0]],
    }


def _halved(study: laboratory.Study, candidates: Sequence[programs.Program]) -> list[int]:
    """Places of the candidates, best first, by successive halving on arrivals that are new in every round."""
    left, fallen = list(range(len(candidates))), list[int]()
    turn, unseen = len(study.experiments), study.training[laboratory.JUDGING_SEEDS :]
    first = turn * sum(rung.seeds for rung in RUNGS)
    for rung in RUNGS:
        stay = max(JUDGED, round(len(left) * rung.stays))
        if stay < len(left):
            arrivals = [unseen[(first + k) % len(unseen)] for k in range(study.effort.of(rung.seeds))]
            where = (study.where[0], *_in_turn(study.where[1:], turn)[: rung.conditions])
            elsewhere = study.effort.of(rung.elsewhere)
            costs = study.marker.costs([candidates[k] for k in left], where, arrivals, elsewhere=elsewhere)
            left = [place for _, place in sorted(zip(costs, left, strict=True))]
            left, fallen = left[:stay], [*left[stay:], *fallen]
        first += rung.seeds
    return [*left, *fallen]


def _in_turn(conditions: Sequence[marking.Condition], turn: int) -> tuple[marking.Condition, ...]:
    """The conditions, beginning with another one each turn."""
    return tuple(conditions[(turn + k) % len(conditions)] for k in range(len(conditions)))

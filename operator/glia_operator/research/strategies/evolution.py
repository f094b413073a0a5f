"""Evolution with a model in the loop: islands of policies, each attempt an improvement on two parents of one island.

The scheme is that of FunSearch (Romera-Paredes et al. 2024) and its successors: parents are drawn by rank, islands
exchange their best now and then, and the worst island is given up and begins again from the best policy of all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from glia_operator.research.strategies import attempts

if TYPE_CHECKING:
    from glia_operator.research import desk, team
    from glia_operator.research import outcome as outcomes

    Island = list[outcomes.Experiment]

ISLANDS = 4
LEAST_ROUNDS = 3
"""Few experiments make fewer islands, so that each is visited so often."""
PARENTS = 2
MIGRATES_EVERY = 2
RESETS_EVERY = 3
"""In rounds; a round is one attempt on every island."""


def evolve(research: desk.Research) -> None:
    """Attempts on islands in turn, each seeing its parents alone."""
    made, first = attempts.Attempts(research=research), research.view()
    count = max(1, min(ISLANDS, research.study.brief.experiments // LEAST_ROUNDS))
    islands: list[Island] = [[] for _ in range(count)]
    while made.go_on:
        home = islands[made.made % count]
        chance = np.random.default_rng((research.study.brief.root, made.made))
        parents = drawn(home, chance)
        done = made.make(seen(research.view(), first, parents))
        if done is not None:
            home.append(done)
        round_, rest = divmod(made.made, count)
        if rest == 0 and round_ % MIGRATES_EVERY == 0:
            migrate(islands)
        if rest == 0 and round_ % RESETS_EVERY == 0:
            reset(islands)


def drawn(island: Island, chance: np.random.Generator) -> Island:
    """Parents: different members of an island, a rank better e times as likely; all of a small one."""
    ranked = sorted(island, key=lambda one: one.cost)
    if len(ranked) <= PARENTS:
        return ranked
    weights = np.exp(-np.arange(len(ranked), dtype=float))
    places = chance.choice(len(ranked), size=PARENTS, replace=False, p=weights / weights.sum())
    return [ranked[place] for place in sorted(places)]


def seen(now: team.View, first: team.View, parents: Island) -> team.View:
    """The first view with the parents as its only experiments, the better one last."""
    lines = {line.number: line for line in now.experiments}
    return replace(first, experiments=tuple(lines[one.number] for one in reversed(parents)))


def migrate(islands: list[Island]) -> None:
    """A copy of each island's best goes to the next island."""
    bests = [_best(island) for island in islands]
    for place, best in enumerate(bests):
        neighbour = islands[(place + 1) % len(islands)]
        if best is not None and best not in neighbour:
            neighbour.append(best)


def reset(islands: list[Island]) -> None:
    """The island whose best is worst begins again from the best of all."""
    bests = [_best(island) for island in islands]
    alive = [best for best in bests if best is not None]
    if len(alive) < len(islands) or len(islands) == 1:
        return
    worst = max(range(len(islands)), key=lambda place: alive[place].cost)
    islands[worst] = [min(alive, key=lambda one: one.cost)]


def _best(island: Island) -> outcomes.Experiment | None:
    return min(island, key=lambda one: one.cost, default=None)

"""A model in the loop: what it sees, and what becomes of answers that are no policy."""

from __future__ import annotations

import dataclasses
import types

import numpy as np
import pytest

from glia_operator.research import team
from glia_operator.research.strategies import evolution, prompting

TROUBLE = (
    team.Turn(role="researcher", act="unusable", text="the endpoint does not answer"),
    team.Turn(role="researcher", act="propose", text="a guess", policy="router: |\n  import os\n"),
    team.Turn(role="researcher", act="propose", text="a long guess", policy="x" * 30_000),
    team.Turn(role="researcher", act="propose", text="prose", policy="I would route to the best replica."),
    team.Turn(role="researcher", act="inspect", text="show me", sight="profile"),
    team.Turn(role="researcher", act="rest", text="I give up"),
)


@pytest.mark.parametrize("strategy", [prompting.best_of_n, evolution.evolve])
@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda turn: f"{turn.act} {turn.text}")
def test_an_answer_that_is_no_policy_spends_an_attempt_and_is_recorded(
    strategy, trouble, at_work, small_brief, listed, proposal, tmp_path
):
    brain = listed([trouble, proposal(1)])
    research = at_work(dataclasses.replace(small_brief, experiments=2), tmp_path / "n.jsonl", brain)
    strategy(research)
    assert [one.title for one in research.study.experiments] == ["weight 1"]
    assert len(brain.seen) == 2
    assert research.observations[0].startswith("attempt 1 is spent: ")
    assert "attempt 1 is spent" in (tmp_path / "n.jsonl").read_text()


def test_a_policy_that_was_tried_before_spends_its_attempt_without_simulations(
    at_work, small_brief, listed, proposal, tmp_path
):
    again = dataclasses.replace(proposal(1), text="the same in other words")
    research = at_work(dataclasses.replace(small_brief, experiments=2), tmp_path / "n", listed([proposal(1), again]))
    prompting.best_of_n(research)
    assert len(research.study.experiments) == 1
    assert research.observations[1] == "attempt 2 is spent: it repeats attempt 1"


def test_pure_prompting_shows_every_attempt_the_same_first_view(at_work, small_brief, listed, proposal, tmp_path):
    brain = listed([proposal(weight) for weight in range(1, 5)])
    prompting.best_of_n(at_work(small_brief, tmp_path / "n.jsonl", brain))
    assert len(brain.seen) == 4
    assert all(view == brain.seen[0] for view in brain.seen)
    assert brain.seen[0].experiments == ()
    assert brain.seen[0].turns == ()


def test_evolution_shows_parents_of_one_island_and_nothing_else(at_work, small_brief, listed, proposal, tmp_path):
    brain = listed([proposal(weight) for weight in range(1, 8)])
    brief = dataclasses.replace(small_brief, experiments=7)  # two islands
    evolution.evolve(at_work(brief, tmp_path / "n.jsonl", brain))
    seen = [{line.number for line in view.experiments} for view in brain.seen]
    assert seen[:4] == [set(), set(), {1}, {2}]
    assert all(len(numbers) <= evolution.PARENTS for numbers in seen)
    assert all(view.turns == () and view.observations == {} for view in brain.seen)
    assert all(
        [line.cost for line in view.experiments] == sorted((line.cost for line in view.experiments), reverse=True)
        for view in brain.seen
    )


def _members(*costs):
    return [types.SimpleNamespace(cost=cost) for cost in costs]


def test_better_members_are_drawn_as_parents_more_often():
    island = _members(0.3, 0.1, 0.2, 0.4)
    drawn = [evolution.drawn(island, np.random.default_rng(seed)) for seed in range(400)]
    counts = [sum(member in parents for parents in drawn) for member in sorted(island, key=lambda one: one.cost)]
    assert counts == sorted(counts, reverse=True)
    assert all(len(parents) == 2 and parents[0].cost < parents[1].cost for parents in drawn)


def test_the_best_of_an_island_migrates_to_the_next_and_stays_at_home():
    islands = [_members(0.3, 0.1), _members(0.2), []]
    first, second = islands[0][1], islands[1][0]
    evolution.migrate(islands)
    assert first in islands[0]
    assert first in islands[1]
    assert islands[2] == [second]


def test_the_worst_island_begins_again_from_the_best_of_all():
    islands = [_members(0.3, 0.1), _members(0.9, 0.8), _members(0.2)]
    best = islands[0][1]
    evolution.reset(islands)
    assert islands[1] == [best]
    assert [len(island) for island in islands] == [2, 1, 1]


def test_a_single_island_is_never_given_up():
    islands = [_members(0.3, 0.1)]
    evolution.reset(islands)
    assert len(islands[0]) == 2

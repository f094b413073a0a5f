"""What a sweep meets, and what a composition is made of."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glia_operator.research import design as designs
from glia_operator.research import ideas, knob_table, marking, team, tuning
from glia_operator.research.playbook import brain as playbook
from glia_sim import goal
from glia_sim.policy import document
from stories import question


@pytest.mark.parametrize("conditions", [0, 1, 2, 4])
def test_a_sweep_meets_every_harder_condition_in_turn_and_the_hardest_in_every_generation(conditions):
    harder = tuning.Harder(conditions=conditions)
    met = []
    for generation in range(12):
        chosen = harder.chosen(generation)
        assert len(chosen) == len(set(chosen)) == min(conditions, 2)
        harder.told(chosen, [float(one == conditions) for one in chosen])
        met.append(chosen)
    assert set(itertools.chain(*met[:conditions])) == set(range(1, conditions + 1))
    assert [one[0] for one in met if one] == [1 + k % conditions for k in range(12) if conditions]
    assert all(conditions in one for one in met[conditions:] if one)


def marks(*tails):
    """Marks [seed, 1 + candidates, metric] of a baseline and of candidates with these p99 ratios; means are halved."""
    rows = [[100.0, 300.0, 0.0, 0.0], *([50.0, 300.0 * tail, 0.0, 0.0] for tail in tails)]
    return np.array([rows, rows])


def test_a_condition_is_hard_where_a_rule_binds():
    brief = question.brief(40, experiments=1)
    here, easy, hard = marks(0.9, 0.9), marks(0.9, 1.0), marks(0.9, 1.1)
    assert marking.hardship(brief, here, easy) < marking.hardship(brief, here, hard)
    assert marking.hardship(brief, here, easy) == pytest.approx(marking.hardship(brief, here, marks(0.8, 0.8)))


@given(
    rates=st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=4),
    generations=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_where_gains_are_straight_lines_the_slope_leads_to_the_gain_that_is_asked(rates, generations, seed):
    chance, slope = np.random.default_rng(seed), tuning.Slope(np.zeros(len(rates)))
    assume(max(abs(one) for one in rates) > 0.01)
    for _ in range(generations):
        places = chance.random((8, len(rates)))
        slope.told(places, places @ rates + chance.normal())  # other arrivals gain more or less, all candidates alike
    assert np.dot(slope.along, rates) == pytest.approx(1.0)


def test_values_beside_move_what_was_tuned_and_nothing_else():
    policy = designs.compose(designs.Design(autoscaler="proportional", holds=("band",)), {"band": 0.4}, name="scaler")
    others = {name: one.value for name, one in policy.parameters.items() if name != "band"}
    assert others
    assert tuning.beside(policy, {"band": 2.0}, 0.05) == others | {"band": 0.6}
    assert tuning.beside(policy, {"band": 2.0}, 100.0)["band"] == knob_table.KNOBS["band"].high
    same = tuning.Slope(np.zeros(1))
    same.told(np.array([[0.1], [0.2]]), np.array([0.3, 0.3]))
    assert same.along == (0.0,)


@pytest.mark.parametrize(("objective", "sign"), [("mean-latency", 1.0), ("throughput", -1.0)])
def test_a_gain_is_more_where_the_objective_is_better(objective, sign):
    brief = dataclasses.replace(question.brief(40, experiments=1), objective=goal.objective(objective))
    assert marking.gains(brief, marks(1.0, 1.0)) == pytest.approx([sign * np.log(2.0)] * 2)


def line(number, title, cost, observed, *, kept=False, parts=None):
    policy = document.dumps(designs.compose(parts, {}, name="kept")) if parts else ""
    return team.Line(
        number=number,
        title=title,
        hypothesis="it helps",
        addresses="memory",
        predicted=observed,
        observed=observed,
        low=observed,
        high=observed,
        p99_ratio=0.98,
        cost=cost,
        finding="found",
        kept=kept,
        policy=policy,
        parts=designs.written(parts) if parts else "",
    )


def view(*experiments, turns=()):
    """A study with three controls behind it."""
    controls = [dataclasses.replace(line(10 + k, f"control: {k}", 0.5, 0.3), addresses="control") for k in range(3)]
    return team.View(
        task=("task",),
        tunes=frozenset({"router", "scheduler"}),
        objective="mean-latency",
        traits=frozenset(),
        hints="",
        bottlenecks=(team.Bottleneck(name="memory", strength=1.0, sentence="Memory."),),
        baseline=document.dumps(document.load("llq")),
        experiments=(*experiments, *controls),
        turns=turns,
        observations={},
        pending=None,
        experiments_left=6,
        turns_left=50,
    )


KEPT = line(1, "ageing in proportion", -0.6, 0.38, kept=True, parts=designs.Design(order="log", admits=True))


def test_of_the_misses_those_that_improve_most_are_tried_in_company_first():
    near = line(2, "committed memory", -0.59, 0.375)
    promising = line(3, "nobody pays twice", -0.48, 0.41)
    broken = line(4, "shortest prompt first among held requests", 0.2, 0.42)
    said = playbook.Playbook().supervisor(view(KEPT, near, promising, broken))
    assert (said.act, said.numbers) == ("suggest", (3, 2))


IN_USE = designs.Design(order="log", admits=True)


@pytest.mark.parametrize("traits", [frozenset(), frozenset({"unstreamed"})])
def test_work_begins_at_the_policy_in_use_where_it_is_composed_from_parts(traits):
    policy = designs.compose(IN_USE, {"doubling_s": 77.0}, name="in-use")
    begun = dataclasses.replace(view(), baseline=document.dumps(policy), traits=traits)
    first = playbook.Playbook().researcher(begun)
    base = dataclasses.replace(IN_USE, coming=designs.begun(traits).coming)
    assert (first.title, designs.read(first.parts), first.wide) == ("the policy in use, tuned again", base, True)
    assert document.loads(first.policy, place="first").parameters["doubling_s"].value == 77.0
    then = playbook.Playbook().researcher(dataclasses.replace(begun, turns=(first,)))
    changed = designs.read(then.parts)
    assert (changed.order, changed.admits) == ("log", True)  # an idea on top of it, whether or not tuning helped
    assert changed != base


def test_a_rival_of_what_the_policy_in_use_has_already_is_not_tried():
    policy = designs.compose(dataclasses.replace(IN_USE, scheduler="newest-waited"), {}, name="in-use")
    begun, tried = dataclasses.replace(view(), baseline=document.dumps(policy)), []
    while (said := playbook.Playbook().researcher(dataclasses.replace(begun, turns=tuple(tried)))).act == "propose":
        tried.append(said)
    titles = {one.title for one in tried}
    assert "prefill backlog" in titles
    assert not titles & {"linear ageing", "the oldest and the longest yield", "ageing in proportion"}


def test_a_policy_in_use_of_its_own_is_only_what_is_to_be_beaten():
    for name in ("llq", "hra-spf"):
        proposed = playbook.Playbook().researcher(
            dataclasses.replace(view(), baseline=document.dumps(document.load(name)))
        )
        assert proposed.title in {idea.title for idea in ideas.IDEAS}


@pytest.mark.parametrize(("traits", "coming"), [((), "unstarted"), (("unstreamed",), "unrun")])
def test_a_design_counts_what_the_router_can_see(traits, coming):
    proposed = playbook.Playbook().researcher(dataclasses.replace(view(), traits=frozenset(traits)))
    assert designs.read(proposed.parts).coming == coming


def test_of_rivals_in_a_composition_the_first_named_stays():
    first = line(2, "nobody pays twice", -0.55, 0.41)
    second = line(3, "the oldest and the longest yield", -0.58, 0.37)
    third = line(4, "prefill backlog", -0.58, 0.37)
    said = team.Turn(role="supervisor", act="suggest", text="why", title="compose", numbers=(2, 3, 4))
    proposed = playbook.Playbook().researcher(view(KEPT, first, second, third, turns=(said,)))
    together = designs.read(proposed.parts)
    assert together.scheduler == "newest-waited"
    assert together.terms == ("prefill",)
    assert "oldest" not in proposed.title


def test_what_promises_most_is_tried_first_even_against_a_weaker_bottleneck():
    strengths = {"memory": 0.18, "head-of-line": 0.08}
    bottlenecks = tuple(team.Bottleneck(name=name, strength=one, sentence=name) for name, one in strengths.items())
    titles = [idea.title for idea in ideas.ranked(dataclasses.replace(view(), bottlenecks=bottlenecks))]
    memory = [idea.title for idea in ideas.IDEAS if idea.addresses == "memory"]
    assert [one for one in titles if one in memory] == memory  # the table's order within a bottleneck
    promising, shortest = "the oldest and the longest yield", "shortest prompt first among held requests"
    assert titles.index(promising) < titles.index(shortest) < titles.index("committed memory")


def test_where_replicas_differ_nobody_waits_on_one_before_the_choice_among_them_is_refined():
    mixed = dataclasses.replace(view(), traits=frozenset({"prefills", "mixed"}))
    titles = [idea.title for idea in ideas.ranked(mixed) if idea.addresses == "interference"]
    assert titles[:3] == ["a gate on prefill work", "a thin batch", "nobody waits on a replica"]
    assert "nobody waits on a replica" not in [idea.title for idea in ideas.ranked(view())]


def test_what_the_user_names_comes_first():
    named = dataclasses.replace(view(), hints="interference is what hurts us")
    assert ideas.ranked(named)[0].addresses == "interference"

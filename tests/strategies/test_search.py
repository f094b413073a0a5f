"""The search draws what the brief leaves room for, and its one program decides as each of its designs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from glia_operator.research import design as designs
from glia_operator.research import knob_table, laboratory, marking, tuning
from glia_operator.research.strategies import chassis, screening, search
from glia_operator.research.strategies import grammar as grammars
from glia_sim import fleet_file, trial
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers


def _sketches(grammar, count, seed=1):
    chance = np.random.default_rng(seed)
    drawn = [grammars.drawn(grammar, chance) for _ in range(count)]
    drawn += [grammars.varied(one, grammar, chance) for one in drawn]
    return drawn + [grammars.crossed(drawn[0], one, grammar, chance) for one in drawn]


def test_a_brief_that_tunes_the_scheduler_alone_varies_the_scheduler_alone(small_brief):
    grammar = grammars.fitting(dataclasses.replace(small_brief, tunes=frozenset({"scheduler"})))
    assert grammar.places == ("scheduler",)
    plain = designs.Design()
    for sketch in _sketches(grammar, 20):
        assert dataclasses.replace(sketch.design, scheduler="") == plain


def test_parts_that_have_nothing_to_read_are_left_out(small_brief):
    assert not {"speed", "affinity"} & set(grammars.fitting(small_brief).several["terms"])
    rich = dataclasses.replace(
        small_brief,
        fleet=fleet_file.load("mixed-h100x2-a10x4"),
        workload=readers.read("synthetic:shared-prefix?requests=40&rate=4&seed=1"),
    )
    assert {"speed", "affinity"} <= set(grammars.fitting(rich).several["terms"])
    assert "autoscaler" not in grammars.fitting(small_brief).one


def test_every_sketch_is_a_policy_inside_the_language_with_values_inside_the_bounds(small_brief):
    for sketch in _sketches(grammars.fitting(small_brief), 40):
        policy = designs.compose(sketch.design, sketch.values, name="drawn")
        assert designs.read(designs.written(sketch.design)) == sketch.design
        assert set(policy.parameters) == set(designs.knobs(sketch.design))


def test_chance_reaches_every_part_of_the_grammar(small_brief):
    grammar = grammars.fitting(small_brief)
    sketches = _sketches(grammar, 80)
    for place, options in grammar.one.items():
        assert {getattr(one.design, place) for one in sketches} == set(options)
    for place, options in grammar.several.items():
        assert {name for one in sketches for name in getattr(one.design, place)} == set(options)


@pytest.fixture(scope="module", params=[(1.0, "unstarted"), (0.0, "unrun")], ids=["streaming", "not streaming"])
def marked(request, small_brief, scaling):
    """Marks of six random designs of all three programs, each by programs of its own and by the chassis."""
    busy = readers.read("synthetic:paper?requests=150&rate=30&seed=2")
    share, coming = request.param
    scaling = dataclasses.replace(scaling, clients=dataclasses.replace(scaling.clients, streaming_share=share))
    brief = dataclasses.replace(small_brief, fleet=scaling, workload=busy)
    grammar, chance = grammars.fitting(brief), np.random.default_rng(4)
    whole = chassis.build(grammar)
    program = programs.compile(whole)
    sketches = [grammars.drawn(grammar, chance) for _ in range(6)]
    assert {one.design.coming for one in sketches} == {coming}
    own = [programs.compile(designs.compose(one.design, one.values, name="own")) for one in sketches]
    shared = [program.with_values(chassis.switched(one, grammar, whole)) for one in sketches]
    one = trial.Trial(machines=scaling, workload=busy, programs=(*own, *shared), seed=1)
    marks = marking.play(one, ("e2e.mean", "e2e.p99", "gpu_hours", "policy_faults"))
    return sketches, marks[:6], marks[6:]


def test_the_chassis_decides_as_each_design_of_the_grammar(marked):
    sketches, own, shared = marked
    assert len({tuple(marks) for marks in own}) == len(own)  # the designs differ
    assert any(one.design.autoscaler for one in sketches)
    assert len({bool(one.design.scheduler) for one in sketches}) == 2
    for sketch, mine, chassis_marks in zip(sketches, own, shared, strict=True):
        # Without a scheduler the replicas keep a queue of their own, which equal priorities come close to.
        assert chassis_marks == (mine if sketch.design.scheduler else pytest.approx(mine, rel=0.03))


def test_a_screen_is_one_experiment_and_counts_its_simulations(at_work, small_brief, tmp_path):
    research = at_work(dataclasses.replace(small_brief, experiments=1), tmp_path / "n.jsonl")
    search.explore(research)
    (only,) = research.study.experiments
    assert only.title == "screen of 12 designs"
    assert only.hypothesis.startswith("Some structure among these 12")
    rounds = 12 * (1 + 1) + 4 * (1 + 1)  # a seed as it is and one elsewhere, of one condition
    judged = screening.JUDGED * (4 + 2)
    assert only.simulations == research.study.marker.simulations == rounds + judged
    assert designs.read(only.parts)


def test_halving_finds_the_candidate_that_is_plainly_best(at_work, small_brief, tmp_path):
    busy = readers.read("synthetic:paper?requests=150&rate=30&seed=2")
    research = at_work(dataclasses.replace(small_brief, workload=busy), tmp_path / "n.jsonl")
    names = ["random", "rr", "least-waiting", "elephant", "hra-spf", "p2c", "token-llq", "memory-llq"]
    policies = [document.load(name) for name in names]
    screened = screening.screen(
        research.study,
        laboratory.Plan(title="screen", hypothesis="some", addresses="x", policy=policies[0]),
        [screening.Candidate(policy=policy, program=programs.compile(policy)) for policy in policies],
    )
    assert sorted(screened.order) == list(range(len(names)))
    assert screened.order[: screening.JUDGED] == tuple(place for place, _ in screened.judged)
    assert [cost for _, cost in screened.judged] == sorted(cost for _, cost in screened.judged)
    assert names[screened.order[0]] == screened.experiment.policy.name


def test_a_sweep_goes_on_from_what_the_screen_found(at_work, small_brief, tmp_path):
    research = at_work(small_brief, tmp_path / "n.jsonl")
    search.explore(research)
    screen, sweep, *_ = research.study.experiments
    assert sweep.parts == screen.parts
    assert sweep.cost <= screen.cost


def test_an_experiment_ends_no_worse_than_it_began_or_than_at_the_parts_own_values(at_work, small_brief, tmp_path):
    busy = readers.read("synthetic:paper?requests=150&rate=30&seed=2")
    study = at_work(dataclasses.replace(small_brief, workload=busy), tmp_path / "n.jsonl").study
    design = designs.Design(admits=True, order="log")
    begun, own = (
        designs.compose(design, values, name="held") for values in ({"headroom": 0.3, "doubling_s": 600.0}, {})
    )
    plan = laboratory.Plan(title="held", hypothesis="some", addresses="x", policy=begun)
    found = laboratory.experiment(study, plan)
    costs = [one["cost"] for one in laboratory.judged(study, [programs.compile(policy) for policy in (begun, own)])]
    assert costs[0] != costs[1]
    assert found.cost <= min(costs)


def test_a_parameter_is_tuned_inside_its_own_bounds_even_if_a_part_has_one_of_its_name():
    narrow = document.Parameter(value=0.5, low=0.4, high=0.6, unit="x", meaning="x")
    assert knob_table.KNOBS["growth"].high > narrow.high
    knob = tuning.knob_of("growth", narrow)
    assert all(narrow.low <= tuning.value_at(knob, place) <= narrow.high for place in (0.0, 0.3, 1.0))


def test_bounds_that_are_far_apart_are_searched_on_a_logarithmic_scale():
    far = document.Parameter(value=64, low=1, high=512, unit="requests", meaning="x")
    assert tuning.value_at(tuning.knob_of("budget", far), 0.5) == pytest.approx(22.6, rel=0.01)

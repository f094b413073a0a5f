"""Every strategy keeps its budget, gives the same notebook for the same brief, and repeats nothing after a stop."""

from __future__ import annotations

import dataclasses

import pytest

from glia_operator.research import notebook as notebooks
from glia_operator.research import study
from glia_operator.research.strategies import catalogue, evolution, prompting, search
from glia_sim import faults, seeds

WITHOUT_A_MODEL = {"search": search.explore, "catalogue": catalogue.control}
WITH_A_MODEL = {"best-of-n": prompting.best_of_n, "evolution": evolution.evolve}
ALL = WITHOUT_A_MODEL | WITH_A_MODEL


@pytest.fixture(params=ALL)
def strategy(request):
    return ALL[request.param]


@pytest.fixture
def brain(listed, proposal):
    return lambda: listed([proposal(weight) for weight in range(1, 20)])


def test_a_strategy_spends_its_experiments_and_no_more(strategy, at_work, small_brief, brain, tmp_path):
    research = at_work(small_brief, tmp_path / "n.jsonl", brain())
    strategy(research)
    assert [one.number for one in research.study.experiments] == [1, 2, 3, 4]
    assert research.study.cost == min([0.0, *(one.cost for one in research.study.experiments if one.kept)])


def test_a_strategy_without_experiments_simulates_nothing(strategy, at_work, small_brief, brain, tmp_path):
    research = at_work(dataclasses.replace(small_brief, experiments=0), tmp_path / "n.jsonl", brain())
    strategy(research)
    assert research.study.experiments == []
    assert research.study.marker.executor.jobs == 0


@pytest.mark.parametrize("name", WITHOUT_A_MODEL)
def test_a_fleet_without_what_the_brief_tunes_leaves_nothing_to_try(name, at_work, small_brief, tmp_path):
    research = at_work(dataclasses.replace(small_brief, tunes=frozenset({"autoscaler"})), tmp_path / "n.jsonl")
    WITHOUT_A_MODEL[name](research)
    assert research.study.experiments == []


@pytest.mark.parametrize("name", WITHOUT_A_MODEL)
def test_programs_that_the_brief_leaves_alone_stay_the_baselines(name, at_work, small_brief, tmp_path):
    brief = dataclasses.replace(small_brief, tunes=frozenset({"scheduler"}), experiments=2)
    research = at_work(brief, tmp_path / "n.jsonl")
    WITHOUT_A_MODEL[name](research)
    assert research.study.experiments
    assert {one.policy.router for one in research.study.experiments} == {brief.baseline.router}


def test_the_same_brief_gives_the_same_notebook_and_another_root_another(
    strategy, at_work, small_brief, brain, tmp_path
):
    brief = dataclasses.replace(small_brief, experiments=2)
    for name, root in (("a", 0), ("b", 0), ("c", 1)):
        strategy(at_work(dataclasses.replace(brief, root=root), tmp_path / name, brain()))
    first, again, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == again
    assert first != other


def test_an_interrupted_strategy_goes_on_where_it_stopped_and_repeats_nothing(
    strategy, at_work, small_brief, brain, stopping, tmp_path
):
    brief = dataclasses.replace(small_brief, experiments=3)
    whole = at_work(brief, tmp_path / "whole", brain())
    strategy(whole)
    thinker = brain()
    stopped = at_work(brief, tmp_path / "stopped", thinker, stopping(2))
    with pytest.raises(KeyboardInterrupt):
        strategy(stopped)
    resumed = at_work(brief, tmp_path / "stopped", thinker)
    strategy(resumed)
    assert (tmp_path / "stopped").read_bytes() == (tmp_path / "whole").read_bytes()
    assert resumed.study.experiments == whole.study.experiments
    assert resumed.study.marker.simulations == whole.study.marker.simulations
    simulated = [one.study.marker.executor.candidates for one in (stopped, resumed, whole)]
    assert simulated[0] + simulated[1] == simulated[2]
    assert 0 < simulated[0] < simulated[2]


def test_strategies_search_on_training_seeds_alone(strategy, at_work, small_brief, brain, tmp_path):
    research = at_work(small_brief, tmp_path / "n.jsonl", brain())
    strategy(research)
    drawn = {seed for _, seed in research.study.marker._known}
    assert drawn <= set(seeds.stream("training", 40))


@pytest.mark.parametrize("name", WITH_A_MODEL)
def test_what_needs_a_model_refuses_the_playbook_before_anything_runs(name, small_brief, tmp_path):
    path = tmp_path / "n.jsonl"
    brief = dataclasses.replace(small_brief, strategy=name)
    with pytest.raises(faults.InputFault, match=f"strategy {name} asks a language model.*playbook"):
        study.run(brief, notebook=notebooks.File(path), executor=None)
    assert not path.exists()


def test_an_unknown_strategy_is_refused_with_those_that_exist(small_brief, tmp_path):
    brief = dataclasses.replace(small_brief, strategy="luck")
    with pytest.raises(faults.InputFault, match=r"'luck' is unknown.*best-of-n, evolution, search, catalogue"):
        study.run(brief, notebook=notebooks.File(tmp_path / "n.jsonl"), executor=None)

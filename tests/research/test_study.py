"""A study repeats nothing, depends on nothing but its brief, and is honest about what it found."""

from __future__ import annotations

import dataclasses
import types

import numpy as np
import pytest

from glia_operator.research import effort, laboratory, marking, study
from glia_operator.research import notebook as notebooks
from glia_sim import fleet_file, goal, seeds
from glia_sim.policy import compile as compiler
from glia_sim.policy import document
from glia_sim.workload import readers


def test_a_study_stays_within_its_experiments_and_explains_itself(finished, small_brief):
    outcome, _ = finished
    assert 1 <= len(outcome.experiments) <= small_brief.experiments
    assert [one.number for one in outcome.experiments] == list(range(1, len(outcome.experiments) + 1))
    assert all(one.hypothesis and one.finding and one.effect is not None for one in outcome.experiments)
    assert len(outcome.explanation) >= 2
    assert outcome.simulations > sum(one.simulations for one in outcome.experiments)


def test_the_best_policy_is_the_baseline_unless_the_exam_approved_another(finished):
    outcome, _ = finished
    assert (outcome.best != outcome.baseline) == outcome.verdict.approved
    if outcome.verdict.approved:
        assert outcome.improvement > 0
        assert outcome.best_card.e2e.mean < outcome.baseline_card.e2e.mean


@pytest.fixture(scope="module")
def drawn():
    """Seeds that the search of `counted` simulated on, filled as that fixture runs."""
    return []


@pytest.fixture(scope="module")
def counted(small_brief, at_once, drawn, tmp_path_factory):
    """The same study in this process: outcome, notebook, and how many candidates it simulated."""
    path, executor, play = tmp_path_factory.mktemp("counted") / "notebook.jsonl", at_once(), marking.play
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marking, "play", lambda one, metrics: (drawn.append(one.seed), play(one, metrics))[1])
        outcome = study.run(small_brief, notebook=notebooks.File(path), executor=executor)
    return outcome, path.read_bytes(), executor.candidates


def test_the_same_brief_gives_the_same_notebook_with_one_worker_as_with_two(finished, counted):
    outcome, content = finished
    again, written, _ = counted
    assert written == content
    assert again == outcome


class Interrupted(notebooks.File):
    """A notebook whose study is interrupted right after its second experiment is written."""

    def append(self, kind, key, body):
        super().append(kind, key, body)
        if kind == "experiment" and key.startswith("2 "):
            raise KeyboardInterrupt


def test_an_interrupted_study_goes_on_where_it_stopped_and_repeats_nothing(counted, small_brief, executor, tmp_path):
    outcome, content, whole = counted
    path = tmp_path / "n.jsonl"
    with pytest.raises(KeyboardInterrupt):
        study.run(small_brief, notebook=Interrupted(path), executor=executor)
    assert content.startswith(path.read_bytes())
    assert 0 < executor.candidates < whole
    again = study.run(small_brief, notebook=notebooks.File(path), executor=executor)
    assert path.read_bytes() == content
    assert again == outcome
    assert executor.candidates == whole


def test_a_finished_study_is_recalled_without_a_single_simulation(counted, small_brief, executor, tmp_path):
    outcome, content, _ = counted
    path = tmp_path / "n.jsonl"
    path.write_bytes(content)
    again = study.run(small_brief, notebook=notebooks.File(path), executor=executor)
    assert executor.jobs == 0
    assert path.read_bytes() == content
    assert again == outcome


@pytest.fixture
def hour():
    """A clock that a test moves."""
    return types.SimpleNamespace(s=0.0)


def test_a_study_whose_time_is_over_has_all_that_it_did_in_time_when_it_is_resumed(
    counted, small_brief, executor, hour, tmp_path
):
    limited, path = dataclasses.replace(small_brief, seconds=60.0), tmp_path / "n.jsonl"

    def passes(at):
        hour.s = max(hour.s, 40.0 * at.done)

    def run(brief):
        return study.run(brief, notebook=notebooks.File(path), executor=executor, progress=passes, clock=lambda: hour.s)

    in_time = run(limited)
    assert len(in_time.experiments) == 2
    content, done = path.read_bytes(), executor.candidates
    assert study.spent_s(notebooks.File(path)) == 80.0
    hour.s = 1e6
    assert run(limited) == in_time
    assert (path.read_bytes(), executor.candidates) == (content, done)
    hour.s = study.spent_s(notebooks.File(path))
    more = run(dataclasses.replace(limited, seconds=600.0))
    assert more.experiments == counted[0].experiments


def test_a_study_without_a_time_limit_does_not_look_at_the_clock(counted):
    assert b'"kind": "time"' not in counted[1]


def test_search_never_sees_a_held_out_seed(counted, drawn, small_brief):
    heldout = set(seeds.stream("heldout", 10_000, root=small_brief.root))
    assert drawn
    assert not heldout & set(drawn)


def test_an_idle_fleet_has_nothing_to_improve_and_the_study_says_so(executor, tmp_path, small_brief):
    idle = dataclasses.replace(
        small_brief,
        fleet=fleet_file.load("a100x4"),
        workload=readers.read("synthetic:paper?requests=120&rate=0.5&seed=1"),
        experiments=2,
    )
    outcome = study.run(idle, notebook=notebooks.File(tmp_path / "n.jsonl"), executor=executor)
    assert outcome.best == idle.baseline
    assert outcome.improvement == 0.0
    assert any("No approved improvement" in sentence for sentence in outcome.explanation)


def test_the_cost_objects_to_what_the_exam_objects_to(small_brief):
    flat = np.ones((2, 3, 5))  # condition, seed, metric
    flat[:, :, 2:4] = 0.0
    better = flat.copy()
    better[:, :, 0] = 0.8
    assert marking.cost(small_brief, flat, better) < 0 < marking.BROKEN
    worse_tail = better.copy()
    worse_tail[0, :, 1] = 1.3
    failing = better.copy()
    failing[0, :, 2] = 0.2
    faulting = better.copy()
    faulting[1, 0, 3] = 1.0
    for bad in (worse_tail, failing, faulting):
        assert marking.cost(small_brief, flat, bad) > 0
    constrained = dataclasses.replace(small_brief, constraints=(goal.constraint("p90 ttft < 1.2s"),))
    late = better.copy()
    late[0, :, 4] = 1.4
    assert marking.cost(constrained, flat, late) > 0


def test_where_the_baseline_breaks_a_constraint_breaking_it_less_is_better_than_the_baseline(small_brief):
    constrained = dataclasses.replace(small_brief, constraints=(goal.constraint("p90 ttft < 0.5s"),))
    flat = np.ones((2, 3, 5))  # condition, seed, metric
    flat[:, :, 2:4] = 0.0
    sooner, later = flat.copy(), flat.copy()
    sooner[0, :, 4], later[0, :, 4] = 0.8, 1.2
    assert marking.cost(constrained, flat, sooner) < 0 < marking.cost(constrained, flat, later)
    assert marking.cost(constrained, flat, flat) == 0
    assert marking.cost(small_brief, flat, sooner) == 0


@pytest.fixture
def lean_brief(small_brief):
    """A brief that lowers GPU-hours under a constraint."""
    return dataclasses.replace(
        small_brief, objective=goal.objective("gpu-hours"), constraints=(goal.constraint("p95 slowdown < 5"),)
    )


@pytest.fixture
def kept():
    """Marks [condition, seed, metric] of whoever keeps the constraint everywhere."""
    marks = np.ones((2, 5, 5))
    marks[:, :, 2:4] = 0.0
    return marks


def test_a_baseline_that_breaks_a_constraint_is_no_yardstick_elsewhere(lean_brief, kept):
    broken, dearer = kept.copy(), kept.copy()
    broken[1, :, 4] = 50.0
    dearer[1, :, 0] = 1.5
    assert marking.cost(lean_brief, kept, dearer) > 0
    assert marking.cost(lean_brief, broken, dearer) == 0


def test_a_harder_condition_counts_where_the_baseline_mostly_keeps_the_constraint(lean_brief, kept):
    late, one_bad_spell, most_bad = kept.copy(), kept.copy(), kept.copy()
    late[1, :, 4] = 5.5
    one_bad_spell[1, 0, 4] = 40.0
    most_bad[1, :3, 4] = 40.0
    assert marking.cost(lean_brief, one_bad_spell, late) == marking.cost(lean_brief, kept, late) > 0
    assert marking.cost(lean_brief, most_bad, late) == 0


def test_search_keeps_further_from_a_limit_under_harder_conditions(lean_brief, kept):
    here, there = kept.copy(), kept.copy()
    here[0, :, 4] = there[1, :, 4] = 4.7
    assert marking.cost(lean_brief, kept, here) == 0
    assert marking.cost(lean_brief, kept, there) > 0
    assert marking.cost(lean_brief, there, there) == 0  # no further than the baseline does itself


class Asked:
    """A marker that notes which arrivals are asked of it, of a baseline that breaks the constraint under load x1.2."""

    simulations = 0

    def __init__(self):
        self.arrivals = {}

    def marks(self, _candidates, *asked):
        answers = []
        for where, drawn in asked:
            found = np.ones((len(where), len(drawn), 1, 5))
            for place, marked in zip(where, found, strict=True):
                self.arrivals[place.title] = len(drawn)
                marked[..., 4] = 50.0 if place.title == "load x1.2" else 1.0
            answers.append(found)
        return answers


@pytest.mark.parametrize("careful", [True, False])
def test_a_careful_judge_spends_little_where_the_baseline_breaks_the_constraint_anyway(lean_brief, careful):
    asked, where = Asked(), marking.conditions(lean_brief)
    begun = laboratory.Study(
        brief=lean_brief,
        notebook=None,
        marker=asked,
        progress=lambda _progress: None,
        where=where,
        training=tuple(range(240)),
        effort=effort.Effort(workload=lean_brief.workload, generations=1.0, seeds=0.4, careful=careful),
    )
    laboratory.judged(begun, [])
    here, *harder = (one.title for one in where)
    elsewhere = {title: 2 if title == "load x1.2" else 8 for title in harder} if careful else dict.fromkeys(harder, 4)
    assert asked.arrivals == {here: 12} | elsewhere


def test_a_marker_pays_for_the_baseline_once(small_brief, executor):
    from_language = document.load("hra-spf")
    marker = marking.Marker(brief=small_brief, baseline=compiler.compile(small_brief.baseline), executor=executor)
    where = marking.conditions(small_brief)[:1]
    first = marker.marks([compiler.compile(from_language)], (where, [1, 2]))[0]
    assert marker.simulations == 2
    assert executor.jobs == 2
    second = marker.marks([compiler.compile(from_language)], (where, [1, 2]))[0]
    assert marker.simulations == 4
    assert np.array_equal(first, second)

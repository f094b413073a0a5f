"""The report names the turning points, what did not work and why, and the controls beside it."""

from __future__ import annotations

import dataclasses

import pytest

from glia_operator.report import page, tables, turning
from stories import talk as said


@pytest.fixture(scope="module")
def points(talked):
    return {point.number: point for point in turning.points(talked)}


def test_experiments_that_became_the_best_and_surprises_are_turning_points_and_nothing_else(points):
    assert [number for number, point in points.items() if point.best] == [1, 2, 5]
    assert [number for number, point in points.items() if point.surprise] == [1, 6]
    assert set(points) == {1, 2, 5, 6}


def test_a_turning_point_says_by_how_much_and_after_what(points):
    assert points[1].sentences[0] == "It beat the baseline: +5.0%, p99 x1.006."
    assert points[1].sentences[1] == "A surprise: expected +30.0%, observed +5.0%, -25.0 points."
    assert points[2].sentences == ("It became the best: +22.0%, p99 x1.020; before it +5.0%, p99 x1.006.",)
    assert points[5].sentences[-1] == "The exam approved its policy: +30.0% on held-out seeds."


def test_a_surprise_quotes_the_answer_to_the_supervisors_question(talked, points):
    assert points[1].quote == said.WHY
    assert talked.outcome.turns[points[1].quoted - 1].act == "state"
    assert points[6].quote == ""


def test_a_turning_point_names_the_suggestion_that_led_to_it(talked, points):
    assert talked.outcome.turns[points[5].prompted - 1].act == "suggest"
    assert [point.number for point in points.values() if point.prompted] == [5]


def test_turning_points_stand_in_the_report(points, shown_talk):
    for point in points.values():
        for sentence in (*point.sentences, point.quote):
            assert sentence in shown_talk.text


def test_a_control_that_beats_everything_before_is_a_turning_point(talked):
    experiments = tuple(
        dataclasses.replace(one, cost=-0.5) if one.title == "control: expert" else one
        for one in talked.outcome.experiments
    )
    changed = dataclasses.replace(talked, outcome=dataclasses.replace(talked.outcome, experiments=experiments))
    assert "A known policy did better than everything before" in turning.points(changed)[2].sentences[0]


def test_what_did_not_work_is_told_with_its_reason(talked, shown_talk):
    found = {miss.what: miss for miss in turning.misses(talked)}
    reasons = {
        "prefill backlog": "Better than experiment 2 by less than noise.",
        "a hasty idea": "No better than experiment 5.",
        "the mean at any price": "A better mean-latency than experiment 5's, paid for in what the exam objects to.",
        "a program with an import": f"Refused: {said.REFUSAL}",
        "prefill everywhere": "Sent back: This was tried under another name: what is new in it?",
        "an answer of the Researcher": f"Not usable: {said.UNUSABLE}",
        "an answer of the Supervisor": "Not usable: the endpoint timed out after 60 s",
    }
    assert set(found) == set(reasons)
    for what, why in reasons.items():
        assert found[what].why.startswith(why)
        assert why in shown_talk.text
        assert bool(found[what].experiment) != bool(found[what].turn)


def test_an_attempt_that_no_experiment_came_of_is_told_whatever_the_reason_says(talked):
    """Strategies that ask for attempts answer a spent one in words of their own."""
    spent = "attempt 3 is spent: it repeats attempt 1"
    observations = talked.outcome.observations | {2: spent, 12: spent}
    outcome = dataclasses.replace(talked.outcome, observations=observations)
    found = {miss.turn: miss for miss in turning.misses(dataclasses.replace(talked, outcome=outcome))}
    assert found[3] == turning.Miss(what="prefill everywhere", why=f"Refused: {spent}", turn=3)
    assert found[13] == turning.Miss(what="an answer of the Researcher", why=f"Refused: {spent}", turn=13)


def test_every_experiment_that_was_not_kept_is_a_miss_or_a_control(told):
    missed = {miss.experiment for miss in turning.misses(told)}
    for one in told.outcome.experiments:
        assert (one.number in missed) != (one.kept or turning.is_control(one))


def test_controls_stand_beside_the_best_of_the_studys_own(talked, silent, shown_talk):
    for story in (talked, silent):
        rows = tables.controls(story)
        assert [(row["title"], row["own"]) for row in rows] == [("composition 1", True), ("control: expert", False)]
        assert [row["cost"] for row in rows] == ["-0.350", "-0.090"]
    assert "Controls beside it" in shown_talk.text


def test_a_study_without_controls_and_misses_says_so(told, read):
    own = [one for one in told.outcome.experiments if not turning.is_control(one)]
    kept = tuple(dataclasses.replace(one, kept=True) for one in own)
    outcome = dataclasses.replace(told.outcome, experiments=kept, turns=(), observations={})
    text = read(page.render(dataclasses.replace(told, outcome=outcome))).text
    assert "Nothing was refused, and every experiment was kept." in text
    assert "No control was run." in text


def test_where_nothing_was_approved_the_nearest_policy_is_told(told, read, flat):
    outcome = dataclasses.replace(told.outcome, best=told.outcome.baseline)
    text = read(page.render(dataclasses.replace(told, outcome=outcome))).text
    nearest = min(outcome.experiments, key=lambda one: one.cost)
    assert flat(f"What came nearest: {nearest.title}") in text
    assert flat(nearest.policy.texts["router"]).split("return")[0] in text

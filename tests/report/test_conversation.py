"""The report shows the whole conversation: each role's own words, what came of them, and the Supervisor no program."""

from __future__ import annotations

import dataclasses

import pytest

from glia_operator.report import page, talk
from glia_sim.policy import document
from stories import talk as said

HOSTILE = "</details></article></style><script>alert('x')</script><img src=x onerror=alert(1)>&lt;"


def test_every_turn_stands_in_the_report_in_order_under_its_role(talked, shown_talk, flat):
    turns = talked.outcome.turns
    assert [place for place in shown_talk.ids if place.startswith("turn-")] == [
        f"turn-{number}" for number in range(1, len(turns) + 1)
    ]
    for number, turn in enumerate(turns, start=1):
        shown = shown_talk.places[f"turn-{number}"]
        assert flat(turn.text) in shown
        assert talk.ACTS[turn.act].split()[0] in shown
        assert turn.role.capitalize() in shown
        assert turn.role in shown_talk.classes[f"turn-{number}"]


def test_every_turn_of_a_finished_study_stands_in_its_report(told, shown, flat):
    assert told.outcome.turns
    for number, turn in enumerate(told.outcome.turns, start=1):
        assert flat(turn.text) in shown.places[f"turn-{number}"]


def test_no_program_text_stands_in_a_supervisors_turn(talked, read, flat):
    """Not even where a Supervisor's turn carries one."""
    turns = tuple(
        dataclasses.replace(turn, policy=said.PROGRAM) if turn.role == "supervisor" else turn
        for turn in talked.outcome.turns
    )
    shown = read(page.render(_with(talked, turns=turns)))
    programs = [flat(text) for text in document.load("hra-spf").texts.values()]
    written = 0
    for number, turn in enumerate(turns, start=1):
        here = shown.places[f"turn-{number}"]
        if turn.role == "supervisor":
            assert not any(program in here for program in programs)
            assert "def " not in here
            assert flat(said.CODE) not in here
        else:
            written += programs[0] in here
    assert written == sum(turn.policy == said.PROGRAM for turn in turns if turn.role == "researcher")


def test_programs_analysis_code_and_long_observations_are_folded_and_short_ones_are_not(talked, shown_talk, flat):
    acts = [turn.act for turn in talked.outcome.turns]
    assert flat(said.PROGRAM) in shown_talk.folded["turn-5"]
    assert flat(said.CODE) in shown_talk.folded[f"turn-{acts.index('analyse') + 1}"]
    assert flat(said.LONG) in shown_talk.folded[f"turn-{acts.index('inspect') + 1}"]
    state = f"turn-{acts.index('state') + 1}"
    assert flat(said.WHY) in shown_talk.places[state]
    assert state not in shown_talk.folded


def test_the_experiment_stands_under_the_turn_that_let_it_run(talked, shown_talk):
    ran = {place + 1: one.number for place, one in talk.ran_after(talked.outcome).items()}
    assert sorted(ran.values()) == [one.number for one in talked.outcome.experiments]
    for turn, number in ran.items():
        assert f"Experiment {number}" in shown_talk.places[f"turn-{turn}"]
        assert talked.outcome.experiments[number - 1].finding in shown_talk.places[f"turn-{turn}"]


def test_experiments_of_a_finished_study_are_found_in_its_conversation(told):
    ran = talk.ran_after(told.outcome)
    assert [one.number for one in ran.values()] == [one.number for one in told.outcome.experiments]


def test_two_experiments_with_the_same_finding_are_told_apart(talked):
    first, second, *others = talked.outcome.experiments
    same = dataclasses.replace(second, finding=first.finding)
    places = [place for place, one in talk.ran_after(talked.outcome).items() if one.number <= 2]
    observations = talked.outcome.observations | {places[1]: first.finding}
    changed = _with(talked, experiments=(first, same, *others), observations=observations)
    assert [talk.ran_after(changed.outcome)[place].number for place in places] == [1, 2]


def test_refused_proposals_and_unusable_answers_are_marked(shown_talk):
    assert "refused" in shown_talk.places["turn-1"]
    assert said.REFUSAL in shown_talk.places["turn-1"]
    assert "gives no usable answer" in shown_talk.places["turn-2"]
    assert shown_talk.places["turn-2"].count(said.UNUSABLE) == 1


@pytest.mark.parametrize("act", ["propose", "analyse", "state", "unusable", "ask", "end"])
def test_hostile_text_in_a_turn_is_escaped(talked, read, flat, act):
    turns = tuple(
        dataclasses.replace(turn, text=HOSTILE, title=turn.title and HOSTILE, addresses=HOSTILE, policy=HOSTILE)
        if turn.act == act
        else turn
        for turn in talked.outcome.turns
    )
    observations = dict.fromkeys(talked.outcome.observations, HOSTILE)
    shown = read(page.render(_with(talked, turns=turns, observations=observations)))
    honest = read(page.render(talked))
    assert shown.tags.count("script") == honest.tags.count("script")
    assert "img" not in shown.tags
    assert "alert('x')" not in "".join(shown.scripts)
    for number, turn in enumerate(turns, start=1):
        if turn.act == act:
            assert flat(HOSTILE) in shown.places[f"turn-{number}"]


def test_a_study_without_a_conversation_has_a_report_without_that_chapter(silent, read):
    shown = read(page.render(silent))
    assert "conversation" not in shown.ids
    assert "#conversation" not in shown.links
    assert "expected" not in shown.places["experiment-1"]
    for one in silent.outcome.experiments:
        assert one.title in shown.places[f"experiment-{one.number}"]


def _with(told, **changes):
    return dataclasses.replace(told, outcome=dataclasses.replace(told.outcome, **changes))

"""An explanation says where predictions were far off and what the policy rests on, and stays short."""

from __future__ import annotations

import dataclasses

import pytest

from glia_operator.research import outcome as outcomes
from stories import talk


@pytest.fixture(scope="module")
def told(finished):
    return talk.study(finished[0])


def starting(sentences, words):
    return [sentence for sentence in sentences if sentence.startswith(words)]


def test_predictions_that_were_far_off_are_told_in_one_sentence_worst_first(told):
    (sentence,) = starting(told.explanation, "2 of 6 predictions")
    assert sentence == (
        "2 of 6 predictions missed by more than 15 points: a hasty idea -300.0% instead of +32.0%; "
        "memory headroom +5.0% instead of +30.0%."
    )


def test_predictions_that_held_are_not_mentioned(told):
    honest = tuple(dataclasses.replace(one, predicted=outcomes.observed(one)) for one in told.experiments)
    assert not [one for one in outcomes.explain(dataclasses.replace(told, experiments=honest)) if "predictions" in one]


def test_what_the_policy_rests_on_is_told_from_the_ablation_without_what_helps_nothing(told):
    (sentence,) = starting(told.explanation, "What it rests on most")
    assert "without the room that stays free +28.0% instead of +31.0% (cost +3.450)" in sentence
    assert "without the order +12.0% instead of +31.0% (cost +0.250)" in sentence
    assert sentence.index("the room") < sentence.index("the order")
    assert "the term queue" not in sentence


def test_a_part_that_was_left_out_is_named(told):
    shorter = dataclasses.replace(told, best=told.ablation[1].policy)
    assert "It does without the term queue, which helped nothing." in outcomes.explain(shorter)


def test_predictions_and_ablation_take_three_sentences_at_most(told):
    plain = dataclasses.replace(
        told, ablation=(), experiments=tuple(dataclasses.replace(one, predicted=None) for one in told.experiments)
    )
    assert 1 <= len(told.explanation) - len(outcomes.explain(plain)) <= 3


def test_where_nothing_was_approved_the_surprises_are_still_told(told):
    nothing = dataclasses.replace(told, best=told.baseline, profile=dataclasses.replace(told.profile, queue_share=0.9))
    sentences = outcomes.explain(nothing)
    assert starting(sentences, "No approved improvement")
    assert starting(sentences, "2 of 6 predictions")
    assert not starting(sentences, "What it rests on most")

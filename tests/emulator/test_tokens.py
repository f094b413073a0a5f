"""Text falls into tokens, and answers follow from the seed and the id."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glia_operator.emulator import schema, tokens

REPLY = tokens.Answer(start=3, wanted=50)


@given(st.text())
def test_tokens_joined_are_the_text(text):
    assert "".join(tokens.split(text)) == text


def test_english_has_between_three_and_four_characters_per_token():
    text = "The quick brown fox jumps over the lazy dog, and the dog does not mind it in the least. " * 10
    assert 2.5 < len(text) / len(tokens.split(text)) < 4.5


def test_a_text_with_an_answer_falls_into_the_tokens_of_both():
    prompt = "What is the sea made of?"
    assert tokens.split(prompt + REPLY.text(0, 20)) == (*tokens.split(prompt), *tokens.split(REPLY.text(0, 20)))
    assert len(tokens.split(REPLY.text(0, 20))) == 20


def test_lengths_follow_the_documented_distribution():
    outputs = schema.OutputsSection(seed=1, median=200.0, sigma=0.9, lowest=10, highest=1000)
    lengths = np.array([tokens.answer(f"r{k}", outputs).wanted for k in range(4000)])
    assert np.median(lengths) == np.clip(np.median(lengths), 185, 215)
    assert (lengths.min(), lengths.max()) == (10, 1000)
    inside = lengths[(lengths > 10) & (lengths < 1000)]
    assert 0.75 < np.log(inside).std() < 0.9


def test_the_seed_and_the_id_decide_the_answer():
    one, other = (schema.OutputsSection(seed=seed) for seed in (1, 2))
    assert tokens.answer("x", one) == tokens.answer("x", one)
    assert tokens.answer("x", one) != tokens.answer("x", other)
    assert tokens.answer("x", one) != tokens.answer("y", one)


def test_blocks_are_alike_as_far_as_prompts_are():
    for make in (tuple, lambda ids: tuple(f" {k:03}" for k in ids)):
        a = tokens.content(make(range(100)), REPLY, 10, 16)
        b = tokens.content(make([*range(40), *range(500, 560)]), REPLY, 10, 16)
        assert len(a) == len(b) == 110 // 16
        assert (a == b).tolist() == [True, True, False, False, False, False]
        assert (a >= 0).all()


def test_the_answer_belongs_to_the_content():
    first = tokens.content(tuple(range(20)), REPLY, 30, 16)
    second = tokens.content((*range(20), *REPLY.ids(0, 30), 7), tokens.Answer(start=9, wanted=1), 1, 16)
    assert np.array_equal(first, second[: len(first)])

"""An effect is paired by seed, and its interval holds the truth as often as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from glia_sim import effect


def compare(make, old: list[float], new: list[float], **changes) -> effect.Effect:
    cards = ([make.card([value]) for value in values] for values in (old, new))
    return effect.compare(*cards, "e2e.mean", seed=1, **changes)


def test_it_is_the_mean_of_relative_changes_and_the_geometric_mean_of_ratios(make):
    found = compare(make, [10.0, 20.0], [5.0, 40.0])
    assert found.estimate == pytest.approx((-0.5 + 1.0) / 2)
    assert found.ratio == pytest.approx(1.0)
    assert (found.baseline, found.candidate, found.seeds) == (15.0, 22.5, 2)


def test_pairing_removes_what_both_share(make):
    chance = np.random.default_rng(0)
    base = chance.uniform(10, 100, 20)
    found = compare(make, base.tolist(), (base * chance.normal(0.9, 0.01, 20)).tolist())
    assert found.estimate == pytest.approx(-0.1, abs=0.01)
    assert found.high - found.low < 0.02


def test_no_difference_at_all_is_an_interval_of_no_width(make):
    found = compare(make, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (found.low, found.estimate, found.high, found.ratio) == (0.0, 0.0, 0.0, 1.0)


def test_one_seed_shows_nothing(make):
    found = compare(make, [2.0], [1.0])
    assert found.estimate == -0.5
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_a_value_that_is_no_number_claims_nothing(make):
    old = [make.card([1.0]), make.card([1.0], failed=(0,)), make.card([1.0])]
    new = [make.card([1.0])] * 3
    found = effect.compare(old, new, "e2e.mean", seed=1)
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_nothing_to_nothing_is_no_change_and_nothing_to_something_is_unbounded(make):
    none, some = make.card([1.0] * 2), make.card([1.0] * 2, preemptions=np.array([1, 0]))
    assert effect.compare([none, none], [none, none], "restarts", seed=1).estimate == 0
    found = effect.compare([none, none], [some, some], "restarts", seed=1)
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_the_same_seed_gives_the_same_interval(make):
    old, new = [1.0, 2.0, 3.0, 4.0], [0.9, 2.1, 2.5, 4.4]
    assert compare(make, old, new) == compare(make, old, new)


def test_cards_that_do_not_pair_are_a_programming_error(make):
    with pytest.raises(ValueError, match="do not pair"):
        effect.compare([make.card([1.0])], [], "e2e.mean", seed=1)
    with pytest.raises(ValueError, match="do not pair"):
        effect.compare([], [], "e2e.mean", seed=1)


@pytest.mark.parametrize("shape", ["normal", "skewed"])
def test_the_interval_agrees_with_scipys(make, shape):
    chance = np.random.default_rng(3)
    changes = chance.normal(0.0, 0.1, 20) if shape == "normal" else chance.exponential(0.2, 20)
    found = compare(make, [1.0] * 20, (1 + changes).tolist())
    witness = stats.bootstrap((changes,), np.mean, n_resamples=9999, method="BCa", rng=np.random.default_rng(5))
    width = witness.confidence_interval.high - witness.confidence_interval.low
    assert found.low == pytest.approx(witness.confidence_interval.low, abs=0.05 * width)
    assert found.high == pytest.approx(witness.confidence_interval.high, abs=0.05 * width)


def test_the_interval_covers_the_truth_about_as_often_as_it_says(make):
    chance = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        found = compare(make, [1.0] * 20, (1 + chance.normal(-0.1, 0.05, 20)).tolist())
        covered += found.low <= -0.1 <= found.high
    assert 0.87 <= covered / 200 <= 0.99

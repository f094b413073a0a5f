"""Numbers for people: four digits, signs that mean something, a dash where there is none."""

from __future__ import annotations

import math

import pytest

from glia_operator.report import numbers


@pytest.mark.parametrize(
    ("share", "shown"), [(0.1234, "+12.3%"), (-0.05, "-5.0%"), (-0.0004, "+0.0%"), (-0.0, "+0.0%")]
)
def test_a_change_that_rounds_to_nothing_has_no_minus(share, shown):
    assert numbers.signed(share) == shown


def test_an_interval_with_an_open_end_is_unknown():
    assert numbers.interval(-0.0001, 0.02) == "+0.0% to +2.0%"
    assert numbers.interval(-math.inf, 0.02) == "unknown"


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0"), (1234567.0, "1,234,567"), (3.14159, "3.142"), (2e-6, "2e-06"), (math.nan, "-")]
)
def test_numbers_have_about_four_digits(value, shown):
    assert numbers.short(value) == shown

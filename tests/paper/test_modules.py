"""Every table is a module that the command knows, and says what it lacks instead of guessing."""

from __future__ import annotations

import importlib

import pytest

from glia_sim import effect
from paper import __main__ as bench
from paper import adaptation, asking, point, scenarios, tables

PARTLY_SYNTHETIC = {"adaptation"}


@pytest.mark.parametrize("name", bench.TABLES)
def test_a_table_names_its_title_and_its_data(name):
    module = importlib.import_module(f"paper.{name}")
    assert module.TITLE
    assert all("." in file for file in module.DATA)
    assert callable(module.table)


@pytest.mark.parametrize("name", [name for name in bench.TABLES if name not in PARTLY_SYNTHETIC])
def test_a_table_whose_recorded_trace_is_missing_is_not_run(name, tmp_path):
    module = importlib.import_module(f"paper.{name}")
    if not module.DATA:
        pytest.skip("this table needs no recorded trace")
    asked = asking.Asked(data=tmp_path, out=tmp_path, executor=None, progress=lambda _doing: None)
    with pytest.raises(tables.NotRun, match="in the data folder"):
        module.table(asked)


def test_the_six_scenarios_are_those_that_are_asked_for():
    assert [scenario.name for scenario in scenarios.SCENARIOS] == [
        "KV-bound",
        "prefill-bound",
        "prefix-heavy",
        "short outputs",
        "2 H100 + 4 A10",
        "start-up-limited autoscaling",
    ]


@pytest.mark.parametrize(
    ("low", "high", "result"), [(-0.3, -0.1, "win"), (-0.1, 0.02, "tie"), (0.0, 0.0, "tie"), (0.01, 0.2, "loss")]
)
def test_a_difference_within_noise_is_a_tie(low, high, result):
    found = effect.Effect(
        metric="charged.e2e.mean",
        estimate=(low + high) / 2,
        low=low,
        high=high,
        confidence=0.95,
        ratio=1.0,
        baseline=1.0,
        candidate=1.0,
        seeds=20,
    )
    assert adaptation.result(found) == result


def test_the_gap_is_closed_whole_where_nobody_waits():
    assert point.closed(50.0, 10.0, 10.0) == 1.0
    assert point.closed(50.0, 10.0, 20.0) == pytest.approx(0.75)
    assert point.closed(50.0, 10.0, 60.0) < 0.0

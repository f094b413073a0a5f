"""A table that counts how often it is measured, on a bench of its own."""

from __future__ import annotations

import sys
import types

import pytest

from paper import __main__ as bench
from paper import tables

NAME = "counted"


@pytest.fixture
def example():
    """A table with every kind of cell."""
    return tables.Table(
        title="Routers",
        command="glia compare",
        seeds="20 held-out seeds",
        measure="Mean end-to-end time in seconds",
        columns=("restarted",),
        rows=(
            tables.Row(label="llq", paper=50.0, ours=45.0, interval=(44.0, 46.5), more=("18 %",)),
            tables.Row(label="share|d", ours=0.123, form="percent", more=(None,)),
            tables.Row(label="evolution", paper=32.5, not_run="no model is configured."),
        ),
        notes=("A note.",),
    )


@pytest.fixture
def module(monkeypatch, example):
    """A module with a table, known to the command under `NAME`; `calls` counts its measurements."""
    made = types.ModuleType(f"paper.{NAME}")
    made.TITLE, made.DATA, made.calls = "Routers", ("trace.csv",), 0

    def table(asked):
        made.calls += 1
        asked.progress("measuring")
        return example

    made.table = table
    monkeypatch.setitem(sys.modules, made.__name__, made)
    monkeypatch.setattr(bench, "TABLES", (NAME,))
    return made


@pytest.fixture
def command(tmp_path):
    """Runs `python -m paper` on folders of the test's own."""
    (tmp_path / "data").mkdir()

    def run(*more):
        places = ("--data", tmp_path / "data", "--out", tmp_path / "out", "--page", tmp_path / "results.md")
        return bench.main([*map(str, places), "--workers", "1", *more])

    return run

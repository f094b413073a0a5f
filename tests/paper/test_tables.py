"""A table shows the paper's number, ours and their ratio, and never a number where nothing was measured."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from paper import chart, tables


def lines(table):
    return [line for line in tables.markdown(table).splitlines() if line.startswith("|")]


def test_every_row_states_paper_ours_ratio_and_interval(example):
    assert lines(example) == [
        "|  | paper | ours | interval | ratio | restarted |",
        "| --- | --- | --- | --- | --- | --- |",
        "| llq | 50 | 45 | 44 to 46.50 | 0.90 | 18 % |",
        "| share\\|d | - | 12.3% | - | - | - |",
        "| evolution | 32.50 | not run | - | - | - |",
    ]


@pytest.mark.parametrize("interval", [None, (0.5, 2.0)])
def test_every_row_has_a_cell_under_every_heading_whatever_the_headings_are_called(interval):
    saving = tables.Row(label="a", ours=1.0, interval=interval, more=("1 %", "0 % to 2 %"))
    table = tables.Table(title="t", command="c", seeds="", measure="", columns=("saving", "interval"), rows=(saving,))
    head, _, row = (line.split("|")[1:-1] for line in lines(table))
    assert len(head) == len(row)
    assert row[head.index(" saving ")] == " 1 % "
    assert row[-1] == " 0 % to 2 % "


def test_command_seeds_notes_and_the_reason_of_what_was_not_run_stand_beside_the_table(example):
    page = tables.markdown(example)
    assert page.startswith("## Routers\n\n`glia compare`\n")
    assert "Mean end-to-end time in seconds. 20 held-out seeds." in page
    assert page.endswith("- A note.\n- Not run: no model is configured.\n")


def test_words_have_no_ratio():
    assert tables.Row(label="a", paper="met in 10 of 10", ours=1.0).ratio is None
    assert tables.Row(label="a", paper=0.0, ours=1.0).ratio is None


def test_a_row_without_a_cell_for_every_column_is_refused():
    with pytest.raises(ValueError, match="row 'a': 0 cells, 1 columns"):
        tables.Table(title="t", command="c", seeds="", measure="", columns=("x",), rows=(tables.Row(label="a"),))


def test_a_chart_draws_a_bar_for_every_number_and_nothing_for_what_was_not_run(example):
    drawn = ET.fromstring(chart.bars(example))  # noqa: S314 - written here
    bars = [one for one in drawn.iter("{http://www.w3.org/2000/svg}rect") if one.get("height") == "12"]
    widths = [float(one.get("width")) for one in bars]
    assert len(widths) == 4
    assert widths[1] == pytest.approx(widths[0] * 45 / 50, abs=0.1)

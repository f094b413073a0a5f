"""The plots of improvements: predicted beside observed, the ablation part by part, nothing lost at the edge."""

from __future__ import annotations

import dataclasses

import pytest
from plotly import offline

from glia_operator.report import effects, page, tables


@pytest.fixture(scope="module")
def drawn(talked):
    return {trace.get("name", ""): trace for trace in effects.experiments(talked)["data"]}


def test_predicted_and_observed_stand_side_by_side_for_every_experiment(talked, drawn):
    expected = dict(zip(drawn["expected"]["y"], drawn["expected"]["x"], strict=True))
    observed = {}
    for name, trace in drawn.items():
        if name.startswith("observed"):
            observed |= dict(zip(trace["y"], trace["x"], strict=True))
    for one in talked.outcome.experiments:
        label = f"{one.number}. {one.title}"
        assert observed[label] == pytest.approx(max(-100 * one.effect.estimate, -100), abs=1e-4)
        assert expected.get(label) == (None if one.predicted is None else pytest.approx(100 * one.predicted))


def test_predicted_and_observed_stand_side_by_side_in_the_table(talked, shown_talk):
    assert "expected observed" in shown_talk.text
    for row in tables.experiments(talked):
        shown = shown_talk.places[f"experiment-{row['number']}"]
        assert f"{row['predicted']} {row['gain'][0]} {row['gain'][1]}" in shown
        assert row["missed"] in shown
    assert "surprise" in shown_talk.places["experiment-1"]
    assert "surprise" not in shown_talk.places["experiment-2"]


def test_kept_dropped_and_controls_are_told_apart(drawn):
    assert [len(drawn[f"observed, {kind}"]["y"]) for kind in ("kept", "not kept", "control")] == [3, 3, 1]
    assert len({drawn[f"observed, {kind}"]["marker"]["color"] for kind in ("kept", "not kept", "control")}) == 3


def test_an_experiment_far_off_stands_at_the_edge_with_its_true_number(drawn):
    dropped = drawn["observed, not kept"]
    place = dropped["y"].index("6. a hasty idea")
    assert dropped["x"][place] == effects.LOWEST_PERCENT
    assert dropped["customdata"][place] == pytest.approx(-300)
    assert dropped["marker"]["symbol"][place] == "triangle-left"
    assert dropped["error_x"]["array"][place] is None
    assert dropped["error_x"]["arrayminus"][0] == pytest.approx(2.0)


def test_a_study_without_predictions_draws_none(silent):
    names = {trace.get("name") for trace in effects.experiments(silent)["data"]}
    assert names == {"observed, kept", "observed, not kept", "observed, control"}


def test_the_ablations_parts_stand_in_the_plot_and_in_the_table(talked, shown_talk):
    bars = {}
    for trace in effects.ablation(talked)["data"]:
        bars |= {label: (value, trace["name"]) for label, value in zip(trace["y"], trace["x"], strict=True)}
    assert bars == {
        "all parts": (pytest.approx(31.0), "all parts"),
        "without the order": (pytest.approx(12.0), "worse without"),
        "without the term queue": (pytest.approx(31.0), "as good without"),
        "without the room that stays free": (pytest.approx(28.0), "the exam would object"),
    }
    for one, row in zip(talked.outcome.ablation, tables.ablation(talked), strict=True):
        assert one.part in shown_talk.text
        assert f"{row['part']} {row['without']} {row['whole']} {row['lost']}" in shown_talk.text
        assert row["words"] in shown_talk.text


def test_a_part_that_was_left_out_is_said_to_be(talked):
    best = talked.outcome.ablation[1].policy
    told = dataclasses.replace(talked, outcome=dataclasses.replace(talked.outcome, best=best))
    assert tables.ablation(told)[1]["words"] == "As good without it, so it was left out."


def test_a_policy_of_one_part_has_no_chapter_of_ablation(talked, read):
    shown = read(page.render(dataclasses.replace(talked, outcome=dataclasses.replace(talked.outcome, ablation=()))))
    assert "ablation" not in shown.ids
    assert "#ablation" not in shown.links


def test_labels_are_short_where_the_screen_is_narrow_and_never_longer_than_two_lines(talked):
    for figure in (effects.experiments(talked), effects.ablation(talked), effects.exam(talked)):
        wide, narrow = figure["layout"]["yaxis"]["ticktext"], figure["narrow"]["yaxis.ticktext"]
        assert len(wide) == len(narrow) == len(figure["layout"]["yaxis"]["tickvals"])
        for labels, letters in ((wide, effects.WIDE_LETTERS), (narrow, effects.NARROW_LETTERS)):
            assert all(len(line) <= letters for label in labels for line in label.split("<br>"))
            assert all(label.count("<br>") <= 1 for label in labels)


def test_hostile_titles_are_text_in_the_plots_too(talked):
    first, *others = talked.outcome.experiments
    hostile = dataclasses.replace(first, title='<a href="x">x</a>')
    outcome = dataclasses.replace(talked.outcome, experiments=(hostile, *others))
    figure = effects.experiments(dataclasses.replace(talked, outcome=outcome))
    assert not any("<a" in label for label in figure["layout"]["yaxis"]["ticktext"])
    assert not any("<a" in label for trace in figure["data"] for label in trace["y"] if label)


def test_the_report_is_small_beside_plotly(talked):
    script = len(offline.get_plotlyjs())
    assert len(page.render(talked)) - script < 0.1 * script

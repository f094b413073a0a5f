"""The report tells all of a study in one file, offline, and text from outside stays text."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest

from glia_operator.report import numbers, page, tables
from glia_sim.policy import change, document

HOSTILE = "<script>alert('x')</script>&\"</style></pre><img src=x onerror=alert(1)>"


def test_the_page_is_proper_html(shown):
    assert shown.tags[:2] == ["html", "head"]
    assert len(shown.ids) == len(set(shown.ids))
    assert {"table", "h1", "h2", "pre", "noscript"} <= set(shown.tags)


def test_nothing_is_fetched(shown):
    assert all(link.startswith("#") for link in shown.links), shown.links
    assert "iframe" not in shown.tags
    assert "link" not in shown.tags
    styles = [word for word in shown.words if "@import" in word or "url(" in word]
    assert styles == []


def test_links_lead_to_sections_of_the_page(shown):
    assert {link[1:] for link in shown.links} <= set(shown.ids)
    assert {"research", "latency", "timeline", "policy", "exam"} <= set(shown.ids)


def test_every_experiment_is_told_with_hypothesis_effect_and_finding(told, shown, flat):
    assert told.outcome.experiments
    for one, row in zip(told.outcome.experiments, tables.experiments(told), strict=True):
        for sentence in (one.title, one.hypothesis, one.finding, row["gain"][0], row["gain"][1]):
            assert flat(sentence) in shown.text
        assert one.effect is None or row["gain"][0] == numbers.signed(told.objective.improvement(one.effect.estimate))


def test_the_marks_are_the_outcomes(told, shown):
    old, new = told.outcome.baseline_card, told.outcome.best_card
    for value in (old.e2e.mean, old.e2e.p99, new.e2e.mean, new.ttft.p90, old.gpu_hours):
        assert numbers.short(value) in shown.text
    rows = {row["label"]: row for row in tables.summary(told)}
    assert rows["mean end-to-end, s"]["baseline"] == numbers.short(old.e2e.mean)
    assert rows["restarted requests, share"]["best"] == numbers.percent(new.restarted_share)
    expected = numbers.signed(new.e2e.mean / old.e2e.mean - 1)
    assert rows["mean end-to-end, s"]["change"] == expected


def test_every_section_of_the_exam_and_every_reason_is_told(told, shown, flat):
    verdict = told.outcome.verdict
    for section in (verdict.heldout, *verdict.robustness):
        assert flat(section.title) in shown.text
        assert numbers.short(section.tail.ratio) in shown.text
    for sentence in (*verdict.reasons, *verdict.notes, page.headline(told)):
        assert flat(sentence) in shown.text
    assert "p90 ttft" in shown.text


def test_the_policy_stands_there_whole_with_its_change_in_words_and_as_a_diff(changed, shown_change, flat):
    best = changed.outcome.best
    for text in best.texts.values():
        assert flat(text) in shown_change.text
    for name, parameter in best.parameters.items():
        assert name in shown_change.text
        assert flat(parameter.meaning) in shown_change.text
    difference = change.describe(changed.outcome.baseline, best)
    assert difference.words
    assert all(flat(sentence) in shown_change.text for sentence in difference.words)
    assert all(flat(line) in shown_change.text for line in difference.diff.splitlines())


def figures(shown):
    """The plots' data as the page carries it."""
    (carried,) = (script for script in shown.scripts if '"e2e"' in script and '"experiments"' in script)
    return json.JSONDecoder().raw_decode(carried[re.search(r"\{\s*\"", carried).start() :])[0]


def test_the_plots_hold_both_runs_as_they_were(told, shown):
    held = figures(shown)
    for run, curve in zip(told.runs, held["e2e"]["data"], strict=True):
        times = run.finish_s - run.arrival_s
        assert curve["x"][0] == pytest.approx(np.nanmin(times), rel=1e-6)
        assert curve["x"][-1] == pytest.approx(np.nanmax(times), rel=1e-6)
        assert (curve["y"][0], curve["y"][-1]) == (0, 1)
    for run, line in zip(told.runs, held["held"]["data"], strict=True):
        assert line["y"] == pytest.approx(run.timeline.held.tolist())
    assert {"e2e", "ttft", "kv", "held", "waiting", "experiments", "exam"} <= set(held)


def test_hostile_names_and_sentences_stay_text(told, read, flat):
    """Rationale, program, workload, fleet and experiment may come from anyone, a language model included."""
    text = (
        f"name: hostile\nrationale: {json.dumps(HOSTILE)}\nrouter: |\n"
        f"  # {HOSTILE}\n  def score(request, replica, fleet, p):\n      return 1\n"
    )
    first = dataclasses.replace(told.outcome.experiments[0], title=HOSTILE, hypothesis=HOSTILE, finding=HOSTILE)
    outcome = dataclasses.replace(
        told.outcome,
        best=document.loads(text, place="hostile"),
        experiments=(first, *told.outcome.experiments[1:]),
        explanation=(HOSTILE,),
    )
    hostile = dataclasses.replace(
        told,
        outcome=outcome,
        workload=dataclasses.replace(told.workload, name=HOSTILE),
        machines=dataclasses.replace(told.machines, name=HOSTILE),
    )
    rendered = page.render(hostile)
    shown = read(rendered)
    honest = read(page.render(told))
    assert shown.tags.count("script") == honest.tags.count("script")
    assert "img" not in shown.tags
    assert shown.text.count(flat(HOSTILE)) >= 7
    assert "alert('x')" not in "".join(shown.scripts)


def test_the_same_story_is_the_same_page(told):
    assert page.render(told) == page.render(told)

"""What was written as plain JSON comes back as the value it was."""

from __future__ import annotations

import json
import math
from concurrent import futures

import pytest

from glia_sim import effect, exam, fleet_file, goal, records, score, verdict
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers


def test_a_whole_verdict_survives_the_journey():
    llq, spf = (programs.compile(document.load(name)) for name in ("llq", "spf-llq"))
    with futures.ThreadPoolExecutor(1) as executor:
        marked = exam.examine(
            fleet_file.load("paper-a10x4"),
            readers.read("synthetic:paper?requests=40&seed=2"),
            baseline=llq,
            candidate=spf,
            rules=verdict.Rules(objective=goal.objective("mean-latency")),
            executor=executor,
        )
    written = json.loads(json.dumps(score.as_json(marked)))
    back = records.restored(verdict.Verdict, written)
    assert back.reasons == marked.reasons
    assert back.seeds == marked.seeds
    assert score.as_json(back) == score.as_json(marked)


def test_null_is_a_number_without_a_value():
    found = effect.Effect(
        metric="e2e.mean",
        estimate=math.nan,
        low=-1.0,
        high=1.0,
        confidence=0.95,
        ratio=1.0,
        baseline=1.0,
        candidate=2.0,
        seeds=2,
    )
    assert math.isnan(records.restored(effect.Effect, score.as_json(found)).estimate)


def test_content_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="estimate"):
        records.restored(effect.Effect, {"metric": "e2e.mean"})

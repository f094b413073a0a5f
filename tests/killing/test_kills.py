"""A study whose processes are all killed goes on as if nothing had happened; `make kill-study` does it more often."""

from __future__ import annotations

import json
import random
import time

from glia_sim.policy import document
from killing import kills

COMMAND = ["optimize", "--fleet", "paper-a10x4", "--trace", "synthetic:paper?requests=40&rate=9&seed=4"]


def test_a_study_killed_again_and_again_gives_the_same_result_and_runs_no_experiment_twice(tmp_path):
    command, chance = [*COMMAND, "--budget", "2", "--workers", "1"], random.Random(time.time_ns())
    whole = kills.Study(command, tmp_path / "whole")
    whole.run()
    study = kills.Study(command, tmp_path / "killed")
    for _ in range(2):
        study.run(chance.uniform(0.3, 0.9) * whole.took_s)
    study.run()
    assert study.kills
    assert kills.differences(study, whole, document.load("llq").digest) == [], study.kills
    repeat_a_step(study)
    assert len(kills.differences(study, whole, document.load("llq").digest)) == 1


def repeat_a_step(study):
    """Have the log say that the first step's simulations ran once more, after the last record."""
    log = study.folder / "jobs.log"
    first = json.loads(log.read_text().splitlines()[0])
    with log.open("a") as stream:
        stream.write(json.dumps({**first, "after": study.records()[-1].digest}) + "\n")

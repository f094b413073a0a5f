"""Studies small enough to run whole in a second, and a brain that reads from a list."""

from __future__ import annotations

import dataclasses

import pytest

from glia_operator.research import desk, effort, laboratory, marking, profile, team
from glia_operator.research import notebook as notebooks
from glia_sim import fleet_file, seeds
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from stories import question


class Listed:
    """A model that answers with the next of its turns, whatever it sees; the views that it saw are kept."""

    name = "listed"

    def __init__(self, turns):
        self.turns, self.seen = list(turns), []

    def researcher(self, view):
        self.seen.append(view)
        return self.turns.pop(0)

    def supervisor(self, _view):
        raise AssertionError("these strategies have no Supervisor")


@pytest.fixture(scope="session")
def listed():
    return Listed


@pytest.fixture(scope="session")
def small_brief():
    """Four experiments on the published operating point, with a very short trace."""
    return question.brief(40, rate=12)


@pytest.fixture(scope="session")
def scaling():
    """Two replicas that may become one to four."""
    text = """
name: scaling
groups:
  - {gpu: A10, model: llama-3-8b, count: 2, engine: {num_blocks: 2240}}
autoscaler: {min_replicas: 1, max_replicas: 4, startup_s: 10, interval_s: 5}
"""
    return fleet_file.loads(text, place="a test")


@pytest.fixture
def at_work():
    """Makes a study at work from a brief, a notebook's path and a brain, with few seeds; its executor counts jobs."""

    def make(brief, path, brain=None, notebook=notebooks.File):
        marker = marking.Marker(brief=brief, baseline=programs.compile(brief.baseline), executor=question.AtOnce())
        study = laboratory.Study(
            brief=brief,
            notebook=notebook(path),
            marker=marker,
            progress=lambda _progress: None,
            where=marking.conditions(brief)[:2],
            training=seeds.stream("training", 40, root=brief.root),
            effort=effort.Effort(workload=brief.workload, generations=0.1, seeds=0.15),
        )
        found = profile.profile(runs.simulate(brief.fleet, brief.workload, marker.baseline))
        return desk.Research(
            study=study,
            brain=brain or Listed([]),
            profile=found,
            go_on=lambda: len(study.experiments) < brief.experiments,
        )

    return make


@pytest.fixture(scope="session")
def proposal():
    """Makes a proposal of a router that prefers fewer requests in flight, `weight` of them to one that waits."""

    def make(weight, **named):
        load = f"{weight} * replica.in_flight + replica.waiting"
        policy = document.Policy(
            name=f"proposal-{weight}",
            rationale="Fewer requests.",
            router=f"def score(request, replica, fleet, p):\n    return -({load})\n",
        )
        turn = team.Turn(
            role="researcher",
            act="propose",
            text="Fewer requests are better.",
            title=f"weight {weight}",
            policy=document.dumps(policy),
        )
        return dataclasses.replace(turn, **named)

    return make


@pytest.fixture(scope="session")
def stopping():
    """Makes notebooks whose study is interrupted right after an experiment of that number is written."""

    def make(number):
        class Stopping(notebooks.File):
            def append(self, kind, key, body):
                super().append(kind, key, body)
                if kind == "experiment" and key.startswith(f"{number} "):
                    raise KeyboardInterrupt

        return Stopping

    return make

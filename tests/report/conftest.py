"""A small study, finished for real, another that holds everything a conversation can, and their reports."""

from __future__ import annotations

import dataclasses
import html.parser
from concurrent import futures

import pytest

from glia_operator.report import page, story
from glia_operator.research import brief as briefs
from glia_operator.research import notebook as notebooks
from glia_operator.research import study
from glia_sim import fleet_file, goal
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers
from stories import talk

VOID = {"meta", "link", "br", "hr", "img", "input"}
FETCHED = {"src", "href", "srcset", "data", "action", "poster", "background"}


class Page(html.parser.HTMLParser):
    """Elements, attributes and visible text of a document, which must nest properly.

    `places` holds the text inside every element with an id, `folded` what stands inside <details> there, and `classes`
    the element's own.
    """

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.links, self.ids, self.tags, self.words = [], [], [], [], []
        self.scripts = []
        self.places, self.folded, self.classes = {}, {}, {}
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            assert not name.startswith("on"), (tag, name)
            if name in FETCHED:
                self.links.append(value)
            if name == "id":
                self.ids.append(value)
                self.classes[value] = set((dict(attributes).get("class") or "").split())
        if tag not in VOID:
            self.stack.append((tag, dict(attributes).get("id")))

    def handle_endtag(self, tag):
        assert tag not in VOID
        assert self.stack.pop()[0] == tag, (tag, self.getpos())

    def handle_data(self, data):
        tags = [tag for tag, _ in self.stack]
        if tags and tags[-1] == "script":
            self.scripts.append(data)
            return
        self.words.append(data)
        for _, place in self.stack:
            if place:
                self.places[place] = flat(f"{self.places.get(place, '')} {data}")
                if "details" in tags and "summary" not in tags:
                    self.folded[place] = flat(f"{self.folded.get(place, '')} {data}")

    @property
    def text(self):
        return flat(" ".join(self.words))


def flat(text):
    return " ".join(text.split())


class AtOnce(futures.Executor):
    """Runs each job where it is submitted."""

    def submit(self, function, /, *arguments, **named):
        """Run the job now."""
        future = futures.Future()
        future.set_result(function(*arguments, **named))
        return future


@pytest.fixture(scope="session")
def told(tmp_path_factory):
    """What a study of two experiments on a small trace found, with the runs of the timelines."""
    brief = briefs.Brief(
        fleet=fleet_file.load("paper-a10x4"),
        workload=readers.read("synthetic:paper?requests=200&rate=14&seed=4"),
        baseline=document.load("llq"),
        objective=goal.objective("mean-latency"),
        constraints=(goal.constraint("p90 ttft < 1000s"),),
        experiments=2,
    )
    book = notebooks.File(tmp_path_factory.mktemp("study") / "notebook.jsonl")
    outcome = study.run(brief, notebook=book, executor=AtOnce())
    pair = [
        runs.simulate(brief.fleet, brief.workload, programs.compile(policy), timeline_s=1.0)
        for policy in (outcome.baseline, outcome.best)
    ]
    return story.Story(
        machines=brief.fleet,
        workload=brief.workload,
        objective=brief.objective,
        constraints=brief.constraints,
        outcome=outcome,
        runs=(pair[0], pair[1]),
        wall_s=12.5,
    )


@pytest.fixture(scope="session")
def changed(told):
    """The same story with another policy than the baseline as the best, whatever the exam said."""
    best = document.load("hra-spf")
    return dataclasses.replace(told, outcome=dataclasses.replace(told.outcome, best=best))


@pytest.fixture(scope="session")
def talked(told):
    """The same story with a conversation in which everything happens."""
    return dataclasses.replace(told, outcome=talk.study(told.outcome))


@pytest.fixture(scope="session")
def silent(told):
    """The same story as a search tells it: no conversation, no predictions."""
    return dataclasses.replace(told, outcome=talk.silent(told.outcome))


@pytest.fixture(scope="session")
def read():
    """Reads a page."""
    return Page


@pytest.fixture(name="flat", scope="session")
def flat_fixture():
    """Text with single spaces."""
    return flat


@pytest.fixture(scope="session")
def shown(told):
    return Page(page.render(told))


@pytest.fixture(scope="session")
def shown_change(changed):
    return Page(page.render(changed))


@pytest.fixture(scope="session")
def shown_talk(talked):
    return Page(page.render(talked))

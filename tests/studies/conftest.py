"""Studies whose processes say what a test tells them to say."""

from __future__ import annotations

import asyncio

import pytest

from glia_operator.adapters import clock as clocks
from glia_operator.adapters import kube_fake, pages, study_process
from glia_operator.handlers import shelf as shelves
from glia_operator.handlers import studies as studying
from glia_operator.research import notebook as notebooks

BRIEF = "sha256:" + "b" * 64


def owner_called(name):
    return pages.Owner(namespace="team", name=name, uid=f"{name}-uid-{name}")


class Chain:
    """Records as a study's process writes them."""

    def __init__(self, last=notebooks.GENESIS):
        self.last = last

    def __call__(self, kind, key, body):
        self.last, before = notebooks.digest(self.last, kind, key, body), self.last
        return {"record": notebooks.line(before, kind, key, body)}


def whole_script(brief=BRIEF, experiments=2):
    """A study that finds nothing."""
    chain = Chain()
    said = [{"brief": brief, "budget": experiments}, chain("brief", "brief", {"digest": brief})]
    for number in range(experiments):
        said += [
            {"done": number, "doing": f"idea {number}", "simulations": 10 * number},
            chain("experiment", str(number), {"cost": 0.1}),
            chain("finding", f"{number} idea sha256:x", {"finding": "no better", "kept": False}),
        ]
    return [*said, chain("answer", "answer", {"proposal": None, "reasons": ["none"]}), {"finished": True}]


class Stage:
    """Everything a study needs, with scripted processes."""

    def __init__(self, workers=1):
        self.cluster = kube_fake.FakeKube()
        self.clock = clocks.VirtualClock()
        self.shelf = shelves.Shelf(self.cluster)
        self.scripts = []
        self.started = []
        self.news = []
        self.experiments = 0
        self.held = False
        self.studies = studying.Studies(
            self.shelf,
            start=self._start,
            clock=self.clock,
            workers=workers,
            processes=1,
            notify=self.news.append,
            finished=self._finished,
        )

    async def _start(self):
        process = study_process.ScriptedProcess(self.scripts.pop(0))
        if self.held:
            process.go_on.clear()
        self.started.append(process)
        return process

    def _finished(self, count):
        self.experiments += count

    async def want(self, name="chat", question="q1", script=None, **more):
        self.scripts.append(whole_script() if script is None else script)
        owner = owner_called(name)
        await self.studies.want(owner, studying.Job(question=question, spec={}, **more))
        return owner

    async def settle(self):
        for _ in range(300):
            await asyncio.sleep(0)


@pytest.fixture
async def stage():
    made = Stage()
    yield made
    await made.studies.close()


@pytest.fixture
def new_stage():
    return Stage


@pytest.fixture
def script():
    return whole_script


@pytest.fixture
def chain():
    return Chain

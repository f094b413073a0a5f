"""The whole operator but its watches and processes: a fake API, scripted studies, a clock turned by hand."""

from __future__ import annotations

import asyncio
import copy
import json

import pytest

from glia_operator.adapters import clock as clocks
from glia_operator.adapters import kube, kube_fake, study_process
from glia_operator.adapters import metrics as measures
from glia_operator.handlers import apply, events, observe, reconcile, sources
from glia_operator.handlers import shelf as shelves
from glia_operator.handlers import store as stores
from glia_operator.handlers import studies as studying
from glia_operator.handlers import work as queues
from glia_operator.research import notebook as notebooks
from glia_sim.policy import document

BRIEF = "sha256:" + "b" * 64
KEY = stores.Key("team", "chat")


def proposal():
    """The spec of a GliaPolicy as a study proposes it, with a policy of the catalogue."""
    policy = document.load("hra-spf")
    marks = {"requests": 100, "failed": 0}
    return {
        "optimization": "chat",
        "revision": 1,
        "parent": "",
        "name": policy.name,
        "programs": policy.texts,
        "parameters": {name: one.model_dump() for name, one in policy.parameters.items()},
        "rationale": policy.rationale,
        "digest": policy.digest,
        "evidence": {
            "objective": "mean-latency",
            "improvement": "+12.00%",
            "seeds": {"root": 0, "heldout": 20},
            "baselinePolicy": "llq",
            "baseline": marks,
            "candidate": marks,
            "experiments": 1,
            "simulations": 10,
            "briefDigest": BRIEF,
            "notebookDigest": "sha256:" + "a" * 64,
            "examDigest": "sha256:" + "e" * 64,
        },
    }


def script(*, approved=True):
    """What a study's process says: each time it is started it goes on after the records that it is given."""
    told = [("brief", "brief", {"digest": BRIEF}), ("experiment", "1", {}), ("finding", "1 x y", {"finding": "better"})]
    answer = {"proposal": proposal() if approved else None, "reasons": [] if approved else ["none passed"]}
    told.append(("answer", "answer", answer))
    written = []

    def line(number):
        def say(sent):
            lines = next((message["records"] for message in sent if "records" in message), [])
            todo = told[len(lines) :]
            if number >= len(todo):
                return {"finished": True}
            before = written[-1] if written else (json.loads(lines[-1])["digest"] if lines else notebooks.GENESIS)
            kind, key, body = todo[number]
            written.append(notebooks.digest(before, kind, key, body))
            return {"record": notebooks.line(before, kind, key, body)}

        return say

    return [{"brief": BRIEF, "budget": 1}, *[line(number) for number in range(len(told) + 1)]]


class Operator:
    """One process's worth of it; another one on the same cluster knows nothing of this one."""

    def __init__(self, cluster, clock):
        self.cluster, self.clock = cluster, clock
        self.approved = True
        self.started = []
        self.store = stores.Store()
        self.metrics = measures.Metrics()
        self.work = queues.Work(clock, lambda: 0.5)
        shelf = shelves.Shelf(cluster)
        self.studies = studying.Studies(
            shelf,
            start=self._start,
            clock=clock,
            workers=1,
            processes=1,
            notify=lambda owner: self.work.add(stores.Key(owner.namespace, owner.name)),
        )
        user = "system:serviceaccount:glia-system:glia-operator"
        observer = observe.Observer(cluster, store=self.store, shelf=shelf, studies=self.studies, operator=user)
        recorder = events.Recorder(cluster, store=self.store, clock=clock, instance="one")
        applier = apply.Applier(
            cluster,
            store=self.store,
            shelf=shelf,
            studies=self.studies,
            recorder=recorder,
            clock=clock,
            news=self.news,
        )
        self.looks = reconcile.Reconciler(
            store=self.store,
            work=self.work,
            observer=observer,
            applier=applier,
            studies=self.studies,
            metrics=self.metrics,
            clock=clock,
        )
        self.streams = kube_fake.FakeStreams()
        self.sources = sources.Sources(
            cluster, self.streams, store=self.store, namespaces=(None,), clock=clock, news=self.news
        )
        self.tasks = []

    def news(self, keys):
        for key in keys:
            self.work.add(key)

    async def _start(self):
        self.started.append(study_process.ScriptedProcess(script(approved=self.approved)))
        return self.started[-1]

    def begin(self):
        for kind in stores.WATCHED:
            for body in self.cluster.of(kind):
                self.news(self.store.take(kind, body))
        self.tasks = [asyncio.create_task(one) for one in (self.looks.run(), self.sources.run())]
        return self

    def config_map(self, name, **data):
        """Somebody writes a ConfigMap, and the stream of them shows it."""
        body = self.cluster.put(kube.CONFIG_MAPS, {"metadata": {"name": name, "namespace": "team"}, "data": data})
        self.streams.events.put_nowait({"type": "MODIFIED", "object": body})

    def watch(self):
        """What a watch would show by now."""
        for kind in stores.WATCHED:
            for body in self.cluster.of(kind):
                self.news(self.store.take(kind, body))

    async def end(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.studies.close()

    async def run_for(self, seconds):
        for _ in range(20):
            await self.clock.run_for(seconds / 20)
            self.watch()
            await self.clock.run_for(0)


class Cluster(kube_fake.FakeKube):
    """With a wish, and the Deployment that it is about."""

    def __init__(self):
        super().__init__()
        self.put(kube.DEPLOYMENTS, {"metadata": {"name": "vllm", "namespace": "team"}})

    def wish(self, **spec):
        body = {
            "apiVersion": "glia.dev/v1alpha1",
            "kind": "GliaOptimization",
            "metadata": {"name": "chat", "namespace": "team", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {
                "target": {"workloadRef": {"name": "vllm"}},
                "offline": {"fleet": "paper-a10x4", "trace": "synthetic:paper?requests=100&seed=1"},
                **spec,
            },
        }
        old = self.objects.get(("gliaoptimizations", "team", "chat"))
        if old is not None:
            body = {**copy.deepcopy(old), "spec": body["spec"]}
        body["metadata"]["generation"] = body["metadata"].get("generation", 0) + 1
        return self.put(kube.OPTIMIZATIONS, body)

    @property
    def status(self):
        return self.objects["gliaoptimizations", "team", "chat"].get("status", {})

    def writes(self):
        return [call for call in self.calls if call.verb not in ("get", "list")]


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
async def new_operator(cluster):
    made = []

    def make(clock=None):
        made.append(Operator(cluster, clock or clocks.VirtualClock()))
        return made[-1]

    yield make
    for one in made:
        await one.end()

"""A cluster in memory that answers as an API server does, as far as the plug-in asks."""

from __future__ import annotations

import copy
import os
import pathlib
import urllib.parse

import pytest

from glia_operator.cli import cluster as work
from glia_operator.cli import main
from glia_operator.plugin import cluster
from stories import chat

GOLDEN = pathlib.Path(__file__).parent / "golden"
KINDS = {"gliaoptimizations": "GliaOptimization", "gliapolicies": "GliaPolicy", "configmaps": "ConfigMap"}


class Memory:
    """Objects by plural and name, the calls that came, and refusals to give instead of an answer."""

    def __init__(self):
        self.objects = {plural: {} for plural in KINDS}
        self.calls = []
        self.refusals = {}
        self.user = "alice"

    def put(self, body, namespace="default"):
        """Store an object as a server would: with a namespace, a uid and a version."""
        plural = next(plural for plural, kind in KINDS.items() if kind == body["kind"])
        stored = copy.deepcopy(body)
        stored["metadata"] |= {"namespace": namespace, "uid": "u-" + stored["metadata"]["name"], "resourceVersion": "7"}
        stored["metadata"] |= {"generation": 1, "creationTimestamp": "2026-11-24T15:00:00Z"}
        self.objects[plural][stored["metadata"]["name"]] = stored

    def send(self, call):
        """The answer."""
        self.calls.append(call)
        *_, plural, name = (
            ["", *call.path.split("/")] if call.path.split("/")[-1] not in KINDS else [*call.path.split("/"), ""]
        )
        for (method, where), answers in self.refusals.items():
            if method == call.method and where in (plural, call.path) and answers:
                return answers.pop(0)
        if call.path.endswith("selfsubjectreviews"):
            return cluster.Answer(code=201, body={"status": {"userInfo": {"username": self.user}}})
        return self._list(plural, call) if not name else self._one(plural, urllib.parse.unquote(name), call)

    def _list(self, plural, call):
        wanted = dict(pair.split("=") for pair in call.query.get("labelSelector", "").split(",") if pair)
        found = [
            copy.deepcopy(one)
            for one in self.objects[plural].values()
            if wanted.items() <= one["metadata"].get("labels", {}).items()
        ]
        return cluster.Answer(code=200, body={"items": found, "metadata": {}})

    def _one(self, plural, name, call):
        stored = self.objects[plural].get(name)
        if stored is None:
            message = f'{plural}.glia.dev "{name}" not found'
            return cluster.Answer(code=404, body={"message": message, "details": {"name": name}})
        if call.method == "PATCH":
            expected = call.body.get("metadata", {})
            if any(stored["metadata"][key] != value for key, value in expected.items()):
                return cluster.Answer(code=409, body={"message": "the object has been modified"})
            merge(stored, {key: value for key, value in call.body.items() if key != "metadata"})
        return cluster.Answer(code=200, body=copy.deepcopy(stored))


def merge(target, patch):
    for key, value in patch.items():
        if isinstance(value, dict):
            merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


@pytest.fixture
def memory(monkeypatch):
    """A cluster that holds the story of `chat`, and the commands connected to it."""
    found = Memory()
    found.put(chat.optimization() | {"status": chat.status()})
    found.put(chat.proposal())
    for page in chat.pages():
        found.put(page)
    where = cluster.Cluster(transport=found, namespace="default")
    monkeypatch.setattr(work, "connect", lambda *_options: where)
    return found


@pytest.fixture
def glia(memory, capsys):
    """Run a command; its exit status, standard output and standard error."""

    def run(*arguments):
        status = main.main(list(arguments))
        streams = capsys.readouterr()
        return status, streams.out, streams.err

    return run


@pytest.fixture
def golden():
    """Compare a text with the committed one; GLIA_GOLDEN=write renews it."""

    def compare(name, text):
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("GLIA_GOLDEN") == "write":
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare

"""Objects as the API shows them."""

from __future__ import annotations

import pytest

from glia_operator.adapters import clock as clocks
from glia_operator.adapters import kube_fake
from glia_operator.handlers import store as stores


def made(name, version, *, created="2026-01-01T00:00:00Z", target="vllm", uid=None, **more):
    metadata = {
        "name": name,
        "namespace": "team",
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
        "creationTimestamp": created,
        "generation": 1,
        "managedFields": [{"manager": "somebody"}],
    }
    return {"metadata": {**metadata, **more}, "spec": {"target": {"workloadRef": {"name": target}}}}


@pytest.fixture
def make():
    return made


@pytest.fixture
def store():
    return stores.Store()


@pytest.fixture
def clock():
    return clocks.VirtualClock()


@pytest.fixture
def cluster():
    return kube_fake.FakeKube()

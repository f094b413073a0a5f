"""What the chart renders changes only on purpose: GLIA_UPDATE_SNAPSHOTS=1 pytest tests/chart rewrites the snapshots."""

from __future__ import annotations

import hashlib
import os
import pathlib

import pytest
import yaml

SNAPSHOTS = pathlib.Path(__file__).parent / "snapshots"
CASES = ("default", "monitored", "namespaced-ha", "placed", "scaled-out")


def digest(content: object) -> str:
    return f"sha256:{hashlib.sha256(yaml.safe_dump(content).encode()).hexdigest()[:16]}"


def normal(document: dict) -> dict:
    """Long content that has tests of its own becomes a digest of nothing: only that it is there."""
    if document["kind"] == "CustomResourceDefinition":
        return {**document, "spec": "see crds/"}
    if document["kind"] == "PrometheusRule":
        return {**document, "spec": "see files/alerts/"}
    if document["kind"] == "ConfigMap":
        return {**document, "data": dict.fromkeys(document["data"], "see files/dashboards/")}
    if document["kind"] == "Pod":
        container = document["spec"]["containers"][0]
        container = {**container, "args": ["see files/ready.py", *container["args"][1:]]}
        return {**document, "spec": {**document["spec"], "containers": [container]}}
    return document


def snapshot(objects) -> str:
    ordered = sorted(
        objects, key=lambda each: (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"])
    )
    return yaml.safe_dump_all([normal(each) for each in ordered], sort_keys=True, width=120)


@pytest.mark.parametrize("case", CASES)
def test_a_rendering_is_what_its_snapshot_says(case, render):
    path = SNAPSHOTS / f"{case}.yaml"
    received = snapshot(render(case))
    if os.environ.get("GLIA_UPDATE_SNAPSHOTS"):
        path.write_text(received, encoding="utf-8")
    assert received == path.read_text(encoding="utf-8"), "on purpose? GLIA_UPDATE_SNAPSHOTS=1 pytest tests/chart"


def test_every_values_file_has_a_snapshot():
    values = {path.stem for path in (pathlib.Path(__file__).parent / "values").glob("*.yaml")}
    assert {"default", *values} == set(CASES) == {path.stem for path in SNAPSHOTS.glob("*.yaml")}


def test_rendering_twice_gives_the_same_bytes(helm, chart, template):
    assert template().stdout == template("--namespace", "glia-system").stdout

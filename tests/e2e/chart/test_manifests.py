"""The API server accepts, field by field, whatever the chart renders, and the examples that go with it."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
VALUES = sorted((REPOSITORY / "tests" / "chart" / "values").glob("*.yaml"))
EXAMPLES = [REPOSITORY / "examples" / name for name in ("chat-a10.yaml", "approver.yaml")]
FOREIGN = {"PodMonitor", "ServiceMonitor", "PrometheusRule"}
"""Kinds of the Prometheus operator, which the cluster does not have."""


@pytest.mark.parametrize("path", VALUES, ids=lambda path: path.stem)
def test_every_rendering_is_accepted_under_strict_validation(path, cluster, namespace):
    words = ["glia-dry", str(REPOSITORY / "helm/glia-operator"), "-n", namespace, "-f", str(path), "--skip-tests"]
    text = cluster.helm("template", *words, "--set", f"watchNamespaces={{{namespace}}}")
    known = [each for each in yaml.load_all(text, yaml.CSafeLoader) if each and each["kind"] not in FOREIGN]
    assert len(known) > 10
    for each in known:
        if "namespace" in each["metadata"]:
            each["metadata"]["namespace"] = namespace  # a dry run creates nothing, so those it names must be there
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", given=yaml.safe_dump_all(known))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_accepted_under_strict_validation(path, cluster, installed):
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(path))


def test_the_object_in_the_notes_is_accepted(cluster, installed):
    notes = cluster.helm("get", "notes", "glia-operator", "-n", "glia-system")
    found = re.search(r"<<EOF\n(.*?)\n *EOF", notes, re.DOTALL)
    assert found is not None
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-n", "default", "-f", "-", given=found[1])

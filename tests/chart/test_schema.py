"""Values that make no sense are refused before anything is installed, in words that name the value."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

NONSENSE = {
    "replica=2": "additional properties 'replica' not allowed",
    "replicas=0": "'/replicas': minimum: got 0, want 1",
    "replicas=100": "'/replicas': maximum: got 100, want 5",
    "replicas=two": "'/replicas': got string, want integer",
    "workers=0": "'/workers': minimum: got 0, want 1",
    "executor=scheduler:8786": "'/executor': 'scheduler:8786' does not match pattern",
    "executorSecret=Dask!": "'/executorSecret'",
    "executor=tls://scheduler:8786": "executor tls://scheduler:8786 needs certificates: name a Secret with ca.crt",
    "logLevel=loud": "'/logLevel': value must be one of 'debug', 'info', 'warning', 'error'",
    "watchNamespaces={Team_A}": "'/watchNamespaces/0': 'Team_A' does not match pattern",
    "watchNamespaces={chat,chat}": "'/watchNamespaces': items at 0 and 1 are equal",
    "watchNamespaces=chat": "'/watchNamespaces': got string, want array",
    "image.digest=latest": "'/image/digest': 'latest' does not match pattern",
    "image.tag=../../etc": "'/image/tag'",
    "image.repository=": "'/image/repository'",
    "image.pullPolicy=Sometimes": "'/image/pullPolicy': value must be one of",
    "podSecurityContext.runAsUser=0": "'/podSecurityContext/runAsUser': minimum: got 0, want 1",
    "podSecurityContext.privileged=true": "additional properties 'privileged' not allowed",
    "resources.limits.memory=lots": "'/resources/limits/memory': 'lots' does not match pattern",
    "resources.limits.memory=-1Gi": "'/resources/limits/memory'",
    "cache.sizeLimit=1GB": "'/cache/sizeLimit': '1GB' does not match pattern",
    "terminationGracePeriodSeconds=0": "'/terminationGracePeriodSeconds': minimum: got 0, want 5",
    "podLabels.app\\.kubernetes\\.io/name=other": "'/podLabels'",
    "networkPolicy.apiServerPorts={70000}": "'/networkPolicy/apiServerPorts/0': maximum: got 70,000, want 65,535",
    "networkPolicy.apiServerCIDRs={anywhere}": "'/networkPolicy/apiServerCIDRs/0': 'anywhere' does not match pattern",
    "monitoring.monitor=yes": "'/monitoring/monitor': value must be one of 'None', 'PodMonitor', 'ServiceMonitor'",
    "monitoring.interval=often": "'/monitoring/interval': 'often' does not match pattern",
    "crds.keep=maybe": "'/crds/keep': got string, want boolean",
    "fullnameOverride=Glia!": "'/fullnameOverride': 'Glia!' does not match pattern",
}


@pytest.mark.parametrize("pair", NONSENSE)
def test_nonsense_is_refused_by_name(pair, template):
    answer = template("--set", pair)
    assert answer.returncode != 0
    assert NONSENSE[pair] in answer.stderr


def objects_of(schema, path=""):
    if schema.get("type") == "object" and "properties" in schema:
        yield path, schema
        for name, child in schema["properties"].items():
            yield from objects_of(child, f"{path}/{name}")
    if "items" in schema:
        yield from objects_of(schema["items"], f"{path}[]")


def test_the_schema_knows_exactly_the_documented_values(chart):
    schema = json.loads((chart / "values.schema.json").read_text())
    values = yaml.safe_load((chart / "values.yaml").read_text())

    def unlike(known, given, path=""):
        assert set(known["properties"]) - {"global"} - set(given) <= {"cpu"}, path
        for name, value in given.items():
            child = known["properties"][name]
            if "properties" in child and value:
                unlike(child, value, f"{path}/{name}")

    unlike(schema, values)


def test_no_section_lets_unknown_values_pass(chart):
    schema = json.loads((chart / "values.schema.json").read_text())
    sections = dict(objects_of(schema))
    assert len(sections) > 10
    assert [path for path, section in sections.items() if section.get("additionalProperties") is not False] == []


def test_a_parent_chart_may_pass_its_globals(template):
    assert template("--set", "global.region=north").returncode == 0


def test_an_old_kubernetes_is_refused(template):
    answer = template("--kube-version", "1.29.9")
    assert answer.returncode != 0
    assert "incompatible with Kubernetes v1.29.9" in answer.stderr


def test_helm_finds_nothing_to_complain_about(helm, chart):
    answer = subprocess.run([helm, "lint", "--strict", chart], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr

"""`helm test` passes only where the operator serves."""

from __future__ import annotations

import datetime as dt
import importlib.util
import urllib.error

import pytest

NOW = dt.datetime(2026, 1, 1, 12, 0, 30, tzinfo=dt.UTC)
GROUP = "/apis/glia.dev/v1alpha1"
DEPLOYMENT = "/apis/apps/v1/namespaces/glia-system/deployments/glia-operator/status"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/glia-system/leases/glia-operator"


@pytest.fixture(scope="module")
def ready(chart):
    spec = importlib.util.spec_from_file_location("ready", chart / "files" / "ready.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def answers():
    plurals = ("gliaoptimizations", "gliaoptimizations/status", "gliapolicies", "gliaassignments")
    return {
        GROUP: {"resources": [{"name": name} for name in plurals]},
        DEPLOYMENT: {
            "metadata": {"name": "glia-operator", "namespace": "glia-system"},
            "status": {"availableReplicas": 1},
        },
        LEASE: {
            "spec": {
                "holderIdentity": "glia-operator-1",
                "renewTime": "2026-01-01T12:00:20.000000Z",
                "leaseDurationSeconds": 15,
            }
        },
    }


def troubles(ready, answers):
    def read(path):
        if isinstance(answers[path], Exception):
            raise answers[path]
        return answers[path]

    return ready.troubles(read, "glia-system", "glia-operator", NOW)


def test_a_ready_operator_has_no_troubles(ready, answers):
    assert troubles(ready, answers) == []


def test_missing_definitions_are_named(ready, answers):
    answers[GROUP]["resources"].pop()
    assert troubles(ready, answers) == ["the API server does not serve gliaassignments: set crds.enabled=true"]


def test_a_deployment_without_available_pods_is_trouble(ready, answers):
    answers[DEPLOYMENT]["status"] = {"replicas": 1, "unavailableReplicas": 1}
    assert "no pod of deployment glia-operator is available" in troubles(ready, answers)[0]


def test_a_lease_that_nobody_renews_is_trouble(ready, answers):
    answers[LEASE]["spec"]["renewTime"] = "2026-01-01T11:59:00.000000Z"
    assert troubles(ready, answers) == ["glia-operator-1 leads but renewed its Lease 90 s ago"]


def test_a_lease_that_was_given_back_is_trouble(ready, answers):
    answers[LEASE]["spec"]["holderIdentity"] = ""
    assert troubles(ready, answers) == ["no operator holds the Lease"]


def test_what_the_server_refuses_is_told_with_its_code(ready, answers):
    answers[GROUP] = urllib.error.HTTPError(GROUP, 404, "Not Found", {}, None)
    answers[LEASE] = ConnectionRefusedError("refused")
    assert troubles(ready, answers) == [f"{GROUP}: HTTP 404 Not Found", "the API server does not answer: refused"]


def test_the_pod_of_the_helm_test_runs_this_very_script(chart, render):
    (container,) = render().one("Pod", "glia-operator-test")["spec"]["containers"]
    script, *rest = container["args"]
    assert container["command"] == ["python", "-c"]
    assert script.strip() == (chart / "files" / "ready.py").read_text(encoding="utf-8").strip()
    assert rest == ["glia-system", "glia-operator"]

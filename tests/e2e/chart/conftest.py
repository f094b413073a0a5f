"""The chart's release on the cluster, and the users around it."""

from __future__ import annotations

import base64
import dataclasses
import importlib.util
import json
import pathlib

import pytest

from controlplane import cluster as clusters
from controlplane import faults

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
NAMESPACE = "glia-system"
RELEASE = "glia-operator"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Release:
    """`glia-operator` in `glia-system`, as helm sees it."""

    cluster: clusters.Cluster
    works: bool
    """The code has the command that the pods run."""

    def helm(self, verb, *words):
        """`helm VERB glia-operator ...`; waits for the pods where they can become ready."""
        chart = [str(REPOSITORY / "helm" / "glia-operator")] if verb in {"install", "upgrade"} else []
        patience = ["--wait", "--timeout", "240s"] if self.works and verb != "test" else []
        return self.cluster.helm(verb, RELEASE, *chart, "-n", NAMESPACE, *patience, *words)

    def install(self, *words):
        return self.helm("install", "--create-namespace", "--take-ownership", "--force-conflicts", *words)

    def uninstall(self):
        return self.helm("uninstall", "--ignore-not-found")

    def pods(self):
        return self.cluster.get("pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=operator")


@pytest.fixture(scope="module")
def release(cluster):
    """What is installed at the end of a module is uninstalled."""
    found = Release(cluster=cluster, works=importlib.util.find_spec("glia_operator.cli.operate") is not None)
    yield found
    found.uninstall()


@pytest.fixture(scope="module")
def installed(release, cluster):
    """The release, installed with its defaults but for a smaller request of CPU."""
    release.install("--set", "resources.requests.cpu=100m,resources.requests.memory=256Mi")
    forged = policy("nobody", approval={"decision": "Approved", "by": "somebody else"})
    written = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "guard-probe"}}
    account = ("--as", f"system:serviceaccount:{NAMESPACE}:{RELEASE}")
    in_force(cluster, forged)
    in_force(cluster, written, *account)
    return release


def in_force(cluster, body, *words):
    """Waits until admission refuses what the chart's guards are to refuse: a new policy takes a moment to count."""
    create = ("create", "--dry-run=server", "-n", NAMESPACE, "-f", "-", *words)

    def refused():
        try:
            cluster.kubectl(*create, given=json.dumps(body))
        except faults.ClusterFault as fault:
            return "ValidatingAdmissionPolicy" in str(fault)
        return False

    clusters.until(f"admission guards {body['kind']}", refused)


@pytest.fixture(scope="module")
def operator(cluster, installed, tmp_path_factory):
    """The cluster as the operator's ServiceAccount sees it, with a token of its own and no certificate."""
    token = cluster.kubectl("create", "token", RELEASE, "-n", NAMESPACE).strip()
    config = json.loads(cluster.kubectl("config", "view", "--raw", "-o", "json"))
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    path = tmp_path_factory.mktemp("operator") / "kubeconfig"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["sub"] == f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
    return dataclasses.replace(cluster, kubeconfig=path)


def digest(letter):
    return f"sha256:{letter * 64}"


def optimization(name, *, approval="Manual", paused=True):
    """A GliaOptimization that nobody studies: it is paused."""
    return {
        "apiVersion": "glia.dev/v1alpha1",
        "kind": "GliaOptimization",
        "metadata": {"name": name},
        "spec": {
            "paused": paused,
            "target": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"vllm-{name}"}},
            "offline": {"fleet": "paper-a10x4", "trace": "synthetic:paper?requests=2000&seed=1"},
            "rollout": {"approval": approval},
        },
    }


def policy(optimization_name, revision=1, **more):
    """A GliaPolicy with the least evidence that the schema takes; its exam's digest is all e."""
    marks = {"requests": 100, "failed": 0}
    return {
        "apiVersion": "glia.dev/v1alpha1",
        "kind": "GliaPolicy",
        "metadata": {"name": f"{optimization_name}-{revision}"},
        "spec": {
            "optimization": optimization_name,
            "revision": revision,
            "parent": "",
            "name": "llq",
            "programs": {"router": "def score(request, replica, fleet, p): return -replica.in_flight"},
            "rationale": "A test of who may approve.",
            "digest": digest("a"),
            "evidence": {
                "objective": "mean-latency",
                "improvement": "+19.35%",
                "seeds": {"root": 0, "heldout": 20},
                "baselinePolicy": "llq",
                "baseline": marks,
                "candidate": marks,
                "experiments": 8,
                "simulations": 80,
                "briefDigest": digest("b"),
                "notebookDigest": digest("c"),
                "examDigest": digest("e"),
            },
        },
        **more,
    }


@pytest.fixture(scope="session")
def chart():
    """Folder of the chart."""
    return REPOSITORY / "helm" / "glia-operator"


@pytest.fixture(scope="module")
def documents():
    """Makers of objects: optimization, policy and digest."""
    return {"optimization": optimization, "policy": policy, "digest": digest}

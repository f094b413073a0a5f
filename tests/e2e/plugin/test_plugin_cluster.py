"""`kubectl glia` on a real API server: people decide in their own names, and what is refused is said in words."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

from controlplane import cluster as clusters
from controlplane import faults
from stories import chat, definitions

ROOT = pathlib.Path(__file__).resolve().parents[3]
GUARDS = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
KUBECTL = pathlib.Path(sys.prefix) / "bin" / "kubectl"
PLUG_IN = "#!{python}\nfrom glia_operator.cli import kubectl\nkubectl.run()\n"
CHART = ("glia-operator", str(ROOT / "helm" / "glia-operator"), "-n", "glia-system")


def role(name, user, *rules):
    """A Role and its binding to a user."""
    rbac = "rbac.authorization.k8s.io"
    subject = {"kind": "User", "name": user, "apiGroup": rbac}
    return [
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": name}, "rules": list(rules)},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [subject],
        },
    ]


READ = {"apiGroups": ["glia.dev"], "resources": ["*"], "verbs": ["get", "list"]}
WRITE = {"apiGroups": ["glia.dev"], "resources": ["gliapolicies"], "verbs": ["patch"]}
APPROVE = {"apiGroups": ["glia.dev"], "resources": ["gliapolicies"], "verbs": ["approve"]}


@pytest.fixture(scope="module")
def plug_in(tmp_path_factory):
    """A folder on PATH where kubectl finds the plug-in."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "kubectl-glia"
    script.write_text(PLUG_IN.format(python=sys.executable))
    script.chmod(0o755)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _definitions(cluster):
    with definitions.present(cluster):
        yield


@pytest.fixture
def story(cluster, namespace):
    """The story of `chat` in a namespace of its own, and the rights of alice, bob and carol."""
    cluster.apply(chat.optimization(), chat.proposal(), *chat.pages(), namespace=namespace)
    body = json.dumps({"status": chat.status()})
    cluster.kubectl("patch", "gliaopt", "chat", "-n", namespace, "--subresource=status", "--type=merge", "-p", body)
    rights = {"alice": (READ, WRITE, APPROVE), "bob": (READ, WRITE), "carol": (READ,)}
    cluster.apply(*(one for user, rules in rights.items() for one in role(user, user, *rules)), namespace=namespace)
    last = {"alice": "approve", "bob": "patch", "carol": "list"}
    for user, verb in last.items():
        cluster.user(user).until_may(verb, "gliapolicies.glia.dev", namespace=namespace)
    return namespace


@pytest.fixture
def glia(story, plug_in):
    """Run `kubectl glia` as the bearer of a kubeconfig."""

    def run(cluster, *arguments):
        environment = os.environ | {
            "PATH": f"{plug_in}:{os.environ['PATH']}",
            "KUBECONFIG": str(cluster.kubeconfig),
            "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'sim'}",
        }
        command = [str(KUBECTL), "glia", *arguments, "-n", story]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def guarded(cluster, story):
    """The chart's admission policies are in force; those that were not there before go again."""
    rendered = cluster.helm("template", *CHART, "--show-only", "templates/approval.yaml")
    wanted = [one for one in yaml.safe_load_all(rendered) if one]
    present = {(one["kind"], one["metadata"]["name"]) for kind in GUARDS for one in cluster.get(kind)}
    new = [one for one in wanted if (one["kind"], one["metadata"]["name"]) not in present]
    if new:
        cluster.apply(*new, namespace=story)
    forged = json.dumps({"approval": {"decision": "Approved", "by": "mallory"}})

    def in_force():
        try:
            cluster.kubectl("patch", "gliapol", "chat-1", "-n", story, "--type=merge", "-p", forged, "--dry-run=server")
        except faults.ClusterFault as refusal:
            return "nobody approves or rejects in another's name" in str(refusal)
        return False

    clusters.until("the admission policy to be in force", in_force)
    yield
    for one in new:
        cluster.kubectl("delete", one["kind"], one["metadata"]["name"])


def test_kubectl_finds_the_plug_in_and_reads_what_the_cluster_holds(glia, cluster):
    status, out, err = glia(cluster, "status")
    assert (status, err) == (0, "")
    assert "chat  AwaitingApproval" in out
    explained = glia(cluster, "explain", "chat")[1]
    assert "What was tried and not kept" in explained
    assert "records hang together" in explained
    assert json.loads(glia(cluster, "history", "chat", "-o", "json")[1])[0]["metadata"]["name"] == "chat-1"
    assert glia(cluster, "diff", "chat")[1].startswith("llq -> hra-spf")


def test_an_approval_is_in_the_name_of_whoever_writes_it_and_final(glia, cluster, story, guarded):
    status, out, err = glia(cluster.user("alice"), "approve", "chat", "--reason", "looks right")
    assert (status, err) == (0, "")
    assert out.endswith("approved by alice\n")
    stored = cluster.get("gliapol/chat-1", "-n", story)["approval"]
    assert stored == {"decision": "Approved", "by": "alice", "reason": "looks right", "examDigest": chat.EXAM}
    assert "a decision is final" in glia(cluster.user("alice"), "reject", "chat", "--reason", "after all")[2]
    assert "the decision on a policy is final" in cluster.refusal(
        "patch", "gliapol", "chat-1", "-n", story, "--type=json", "-p", '[{"op": "remove", "path": "/approval"}]'
    )


def test_without_the_right_to_approve_the_admission_policy_speaks(glia, cluster, story, guarded):
    status, out, err = glia(cluster.user("bob"), "approve", "chat")
    assert (status, out) == (2, "")
    assert "an admission policy of the cluster refused it: 'bob' lacks the verb 'approve' on gliapolicies" in err
    assert "approval" not in cluster.get("gliapol/chat-1", "-n", story)


def test_without_the_right_to_write_the_missing_right_is_named(glia, cluster, story):
    status, out, err = glia(cluster.user("carol"), "approve", "chat")
    assert (status, out) == (2, "")
    assert "you lack the right" in err
    assert 'User "carol" cannot patch resource "gliapolicies"' in err
    assert "approval" not in cluster.get("gliapol/chat-1", "-n", story)


def test_explain_goes_on_for_those_who_may_not_read_the_notebook(glia, cluster):
    status, out, _ = glia(cluster.user("carol"), "explain", "chat")
    assert status == 0
    assert "The notebook was not read" in out


def test_pause_hint_and_resume_reach_the_spec(glia, cluster, story):
    assert glia(cluster, "pause", "chat")[0] == 0
    assert glia(cluster, "hint", "chat", "mornings are busy")[0] == 0
    assert glia(cluster, "hint", "chat", "prompts grow")[0] == 0
    spec = cluster.get("gliaopt/chat", "-n", story)["spec"]
    assert spec["paused"] is True
    assert spec["research"]["hints"] == "mornings are busy\nprompts grow"
    assert glia(cluster, "resume", "chat")[0] == 0
    assert cluster.get("gliaopt/chat", "-n", story)["spec"]["paused"] is False


def test_a_hint_that_the_server_would_not_keep_is_refused_by_its_rule(glia, cluster):
    status, _, err = glia(cluster, "hint", "chat", "a\u200bb")
    assert status == 2
    assert "must be printable text" in err


def test_a_report_needs_nothing_but_the_cluster(glia, cluster, tmp_path):
    path = tmp_path / "report.html"
    assert glia(cluster, "report", "chat", "--out", str(path))[0] == 0
    assert "+19.35%" in path.read_text()

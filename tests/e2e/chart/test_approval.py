"""The API server itself decides who may approve: under the chart's own roles and admission policies."""

from __future__ import annotations

import itertools
import json

import pytest

from controlplane import cluster as clusters
from controlplane import faults

APPROVER = "ada"
READER = "bob"
DRY = "--dry-run=server"
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def town(cluster, installed):
    """A namespace with an approver and with somebody who may write policies but not approve."""
    name = "chart-approval"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl(
        "create", "rolebinding", "approvers", "-n", name, "--clusterrole=glia-approver", f"--user={APPROVER}"
    )
    writer = ["--verb=get,list,patch,update,create", "--resource=gliapolicies.glia.dev"]
    cluster.kubectl("create", "role", "writer", "-n", name, *writer)
    cluster.kubectl("create", "rolebinding", "writers", "-n", name, "--role=writer", f"--user={READER}")
    cluster.user(APPROVER).until_may("approve", "gliapolicies.glia.dev", namespace=name)
    cluster.user(READER).until_may("create", "gliapolicies.glia.dev", namespace=name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def proposed(cluster, town, documents):
    """A new policy of a new optimisation that wants a person's approval."""
    return propose(cluster, town, documents, "Manual")


@pytest.fixture
def automatic(cluster, town, documents):
    """A new policy of a new optimisation that wants the operator's approval."""
    return propose(cluster, town, documents, "Automatic")


def propose(cluster, town, documents, approval):
    name = f"chat{next(numbers)}"
    cluster.apply(documents["optimization"](name, approval=approval), documents["policy"](name), namespace=town)
    return f"{name}-1"


def approval(by, **more):
    return ("--type=merge", "-p", json.dumps({"approval": {"decision": "Approved", "by": by, **more}}))


def approved(cluster, town, name):
    return cluster.get("gliapolicy", name, "-n", town).get("approval")


def test_a_user_with_the_right_approves_in_their_own_name(cluster, town, proposed):
    cluster.user(APPROVER).kubectl("patch", "gliapolicy", proposed, "-n", town, *approval(APPROVER))
    assert approved(cluster, town, proposed) == {"decision": "Approved", "by": APPROVER}


def test_nobody_approves_in_another_name_not_even_with_the_right(cluster, town, proposed):
    words = cluster.user(APPROVER).refusal("patch", "gliapolicy", proposed, "-n", town, *approval("grace"))
    assert "approval.by is 'grace' but you are 'ada'; nobody approves or rejects in another's name" in words
    assert approved(cluster, town, proposed) is None


def test_the_cluster_admin_does_not_either(cluster, town, proposed):
    words = cluster.refusal("patch", "gliapolicy", proposed, "-n", town, *approval(APPROVER))
    assert f"approval.by is '{APPROVER}' but you are" in words


def test_a_user_who_may_write_policies_but_not_approve_is_refused(cluster, town, proposed):
    words = cluster.user(READER).refusal("patch", "gliapolicy", proposed, "-n", town, *approval(READER))
    assert f"'bob' lacks the verb 'approve' on gliapolicies in namespace '{town}'" in words
    assert "bind the ClusterRole glia-approver there" in words
    assert approved(cluster, town, proposed) is None


def test_a_rejection_takes_the_same_right(cluster, town, proposed):
    rejection = json.dumps({"approval": {"decision": "Rejected", "by": READER, "reason": "no"}})
    words = cluster.user(READER).refusal("patch", "gliapolicy", proposed, "-n", town, "--type=merge", "-p", rejection)
    assert "lacks the verb 'approve'" in words


def test_the_right_ends_at_the_namespace(cluster, town, documents, namespace):
    cluster.apply(documents["optimization"]("far"), documents["policy"]("far"), namespace=namespace)
    cluster.kubectl("create", "role", "writer", "-n", namespace, "--verb=get,patch", "--resource=gliapolicies.glia.dev")
    cluster.kubectl("create", "rolebinding", "writers", "-n", namespace, "--role=writer", f"--user={APPROVER}")
    ada = cluster.user(APPROVER)
    ada.until_may("patch", "gliapolicies.glia.dev", namespace=namespace)
    words = ada.refusal("patch", "gliapolicy", "far-1", "-n", namespace, *approval(APPROVER))
    assert "lacks the verb 'approve'" in words


def test_a_user_without_any_right_does_not_even_see_the_policy(cluster, town, proposed):
    words = cluster.user("eve").refusal("patch", "gliapolicy", proposed, "-n", town, *approval("eve"))
    assert 'User "eve" cannot get resource "gliapolicies"' in words


def test_a_policy_cannot_be_born_approved_by_somebody_else(cluster, town, documents):
    name = f"born{next(numbers)}"
    body = documents["policy"](name, approval={"decision": "Approved", "by": APPROVER})
    words = cluster.user(READER).refusal("create", "-n", town, "-f", "-", given=json.dumps(body))
    assert "approval.by is 'ada' but you are 'bob'" in words


def test_a_decision_is_final(cluster, town, proposed):
    ada = cluster.user(APPROVER)
    ada.kubectl("patch", "gliapolicy", proposed, "-n", town, *approval(APPROVER))
    other = json.dumps({"approval": {"decision": "Rejected", "by": APPROVER, "reason": "second thoughts"}})
    assert "final" in ada.refusal("patch", "gliapolicy", proposed, "-n", town, "--type=merge", "-p", other)
    gone = json.dumps([{"op": "remove", "path": "/approval"}])
    assert "final" in ada.refusal("patch", "gliapolicy", proposed, "-n", town, "--type=json", "-p", gone)
    assert approved(cluster, town, proposed) == {"decision": "Approved", "by": APPROVER}


def test_what_is_no_approval_needs_no_right_to_approve(cluster, town, proposed):
    cluster.user(READER).kubectl("label", "gliapolicy", proposed, "-n", town, "seen=yes")


def me():
    return "system:serviceaccount:glia-system:glia-operator"


def test_the_operator_approves_with_the_exams_digest_where_it_was_asked_to(
    cluster, operator, town, automatic, documents
):
    words = approval(me(), examDigest=documents["digest"]("e"))
    operator.kubectl("patch", "gliapolicy", automatic, "-n", town, *words)
    assert approved(cluster, town, automatic)["by"] == me()


def _allowed(operator, *words):
    try:
        operator.kubectl(*words)
    except faults.ClusterFault:
        return False
    return True


@pytest.mark.parametrize("letter", ["", "d"])
def test_the_operator_does_not_approve_without_the_exams_digest(letter, cluster, operator, town, automatic, documents):
    more = {"examDigest": documents["digest"](letter)} if letter else {}
    words = operator.refusal("patch", "gliapolicy", automatic, "-n", town, *approval(me(), **more))
    assert "the operator approves only with the exam's digest" in words
    assert approved(cluster, town, automatic) is None


def test_the_operator_does_not_approve_what_wants_a_person(cluster, operator, town, proposed, documents):
    words = approval(me(), examDigest=documents["digest"]("e"))
    patch = ("patch", "gliapolicy", proposed, "-n", town, *words)
    clusters.until("admission knows the new GliaOptimization", lambda: not _allowed(operator, *patch, DRY))
    assert "does not ask for automatic approval" in operator.refusal(*patch)
    assert approved(cluster, town, proposed) is None


def test_the_operator_does_not_approve_in_a_persons_name(operator, town, automatic, documents):
    words = approval(APPROVER, examDigest=documents["digest"]("e"))
    assert "nobody approves" in operator.refusal("patch", "gliapolicy", automatic, "-n", town, *words)

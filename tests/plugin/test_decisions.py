"""Decisions are written once, in the user's own name, and a refusal says who has to do what."""

from __future__ import annotations

import pytest

from glia_operator.plugin import cluster
from stories import chat


def patches(memory):
    return [call for call in memory.calls if call.method == "PATCH"]


@pytest.mark.parametrize("name", ["chat", "chat-1"])
def test_approve_writes_the_users_own_name_and_the_exam(name, glia, memory):
    status, out, _ = glia("approve", name, "--reason", "looks right")
    assert status == 0
    assert out.splitlines()[-1] == "approved by alice"
    assert memory.objects["gliapolicies"]["chat-1"]["approval"] == {
        "decision": "Approved",
        "by": "alice",
        "reason": "looks right",
        "examDigest": chat.EXAM,
    }
    (patch,) = patches(memory)
    assert patch.body["metadata"] == {"uid": "u-chat-1"}
    assert patch.query["fieldManager"] == "kubectl-glia"


def test_reject_needs_a_reason(glia, memory):
    status, _, err = glia("reject", "chat")
    assert status == 2
    assert "--reason" in err
    assert "a rejection says why" in glia("reject", "chat", "--reason", " ")[2]
    assert "at most 1024 characters" in glia("reject", "chat", "--reason", "x" * 2000)[2]
    assert patches(memory) == []
    assert glia("reject", "chat", "--reason", "not on Fridays")[0] == 0
    assert memory.objects["gliapolicies"]["chat-1"]["approval"]["decision"] == "Rejected"


def test_a_decision_is_final(glia, memory):
    assert glia("approve", "chat")[0] == 0
    status, _, err = glia("reject", "chat", "--reason", "after all")
    assert status == 2
    assert "chat-1 was approved by alice already; a decision is final" in err
    assert len(patches(memory)) == 1


def test_a_policy_that_is_not_what_was_examined_is_not_approved(glia, memory):
    memory.objects["gliapolicies"]["chat-1"]["spec"]["programs"]["router"] += "# more\n"
    status, _, err = glia("approve", "chat")
    assert status == 2
    assert "changed after its exam" in err
    assert patches(memory) == []
    assert glia("reject", "chat", "--reason", "it was tampered with")[0] == 0


def test_nothing_proposed_is_nothing_to_approve(glia, memory):
    memory.objects["gliapolicies"].clear()
    del memory.objects["gliaoptimizations"]["chat"]["status"]["candidate"]
    status, _, err = glia("approve", "chat")
    assert status == 2
    assert "chat proposes no policy (AwaitingApproval)" in err


REFUSALS = {
    "rights": (
        403,
        'gliapolicies.glia.dev "chat-1" is forbidden: User "bob" cannot patch resource "gliapolicies"',
        ["you lack the right", 'User "bob" cannot patch', "can grant it"],
    ),
    "admission": (
        403,
        (
            "gliapolicies.glia.dev \"chat-1\" is forbidden: ValidatingAdmissionPolicy 'glia-approval' with binding "
            "'glia-approval' denied request: 'bob' lacks the verb 'approve' on gliapolicies in namespace 'default'"
        ),
        ["an admission policy of the cluster refused it: 'bob' lacks the verb 'approve'"],
    ),
    "rules": (
        422,
        'GliaPolicy.glia.dev "chat-1" is invalid: <nil>: Invalid value: the decision on a policy is final',
        ["the API server refused it", "the decision on a policy is final"],
    ),
    "moved": (409, "the object has been modified", ["somebody else changed it at the same moment"]),
}


@pytest.mark.parametrize(("code", "message", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_says_who_refused_and_why(code, message, words, glia, memory):
    memory.refusals["PATCH", "gliapolicies"] = [cluster.Answer(code=code, body={"message": message})]
    status, out, err = glia("approve", "chat")
    assert (status, out) == (2, "")
    assert err.startswith("glia: change GliaPolicy chat-1: ")
    assert all(word in err for word in words), err


def test_what_is_not_there_is_named_with_its_namespace(glia):
    status, _, err = glia("explain", "no-such-thing")
    assert status == 2
    assert "get GliaOptimization no-such-thing: not found in namespace default" in err


def test_a_cluster_without_the_definitions_says_so(glia, memory):
    missing = cluster.Answer(code=404, body={"message": "the server could not find the requested resource"})
    memory.refusals["GET", "gliaoptimizations"] = [missing]
    assert "install Glia's definitions first" in glia("status")[2]


def test_pause_and_resume_change_one_field_and_only_if_needed(glia, memory):
    assert "is running already" in glia("resume", "chat")[1]
    assert glia("pause", "chat")[0] == 0
    assert glia("pause", "chat")[1] == "chat is paused already\n"
    assert glia("resume", "chat")[1] == "chat goes on\n"
    assert [patch.body for patch in patches(memory)] == [{"spec": {"paused": True}}, {"spec": {"paused": False}}]


def test_a_hint_is_added_to_those_before(glia, memory):
    assert glia("hint", "chat", "mornings are busy")[1] == "chat is told: mornings are busy\n"
    assert glia("hint", "chat", "  long\n prompts ")[0] == 0
    hints = memory.objects["gliaoptimizations"]["chat"]["spec"]["research"]["hints"]
    assert hints == "mornings are busy\nlong prompts"
    assert glia("hint", "chat", "  ")[0] == 2


def test_a_hint_survives_a_status_that_was_written_meanwhile(glia, memory):
    memory.refusals["PATCH", "gliaoptimizations"] = [cluster.Answer(code=409, body={"message": "modified"})] * 2
    assert glia("hint", "chat", "mornings are busy")[0] == 0
    assert len(patches(memory)) == 3


def test_names_cannot_leave_their_place_in_the_path(glia, memory):
    glia("explain", "../../../../api/v1/secrets")
    assert all("%2F" in call.path for call in memory.calls if "secrets" in call.path)

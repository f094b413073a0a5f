"""What people read is what the cluster holds, in the words that were agreed."""

from __future__ import annotations

import json

from glia_operator.plugin import cluster
from stories import chat


def test_status_lists_every_optimisation_on_a_line(glia, golden):
    status, out, _ = glia("status")
    assert status == 0
    golden("status", out)


def test_status_of_one_says_what_was_asked_what_happens_and_what_there_is(glia, golden):
    golden("status-chat", glia("status", "chat")[1])


def test_an_empty_namespace_says_so(glia, memory):
    memory.objects["gliaoptimizations"].clear()
    assert glia("status")[1] == "no GliaOptimization in namespace default; name another with -n\n"


def test_an_optimisation_that_nobody_looked_at_yet_asks_for_the_operator(glia, memory):
    del memory.objects["gliaoptimizations"]["chat"]["status"]
    assert "is the operator running" in glia("status", "chat")[1]


def test_an_old_status_says_that_it_is_old(glia, memory):
    memory.objects["gliaoptimizations"]["chat"]["metadata"]["generation"] = 4
    assert "has not seen generation 4 yet" in glia("status", "chat")[1]


def test_explain_tells_the_trail_the_evidence_and_what_was_not_kept(glia, golden):
    status, out, _ = glia("explain", "chat")
    assert status == 0
    golden("explain", out)


def test_explain_takes_the_policys_own_name_too(glia):
    assert glia("explain", "chat-1")[1] == glia("explain", "chat")[1]


def test_explain_without_a_policy_says_why_none(glia, memory, golden):
    memory.objects["gliapolicies"].clear()
    chats = memory.objects["gliaoptimizations"]["chat"]["status"]
    chats["phase"] = "NoImprovement"
    chats["message"] = "no experiment beat llq"
    del chats["candidate"]
    golden("explain-nothing", glia("explain", "chat")[1])


def test_explain_without_a_policy_gives_the_exams_reasons(glia, memory):
    memory.objects["gliapolicies"].clear()
    del memory.objects["gliaoptimizations"]["chat"]["status"]["candidate"]
    for name in ("chat-notebook-0", "chat-notebook-1"):
        page = memory.objects["configmaps"][name]["data"]
        page["records.jsonl"] = page["records.jsonl"].replace('"approved": true', '"approved": false')
    assert "held-out: fine" in glia("explain", "chat")[1]


def test_explain_says_that_a_notebook_was_tampered_with(glia, memory):
    page = memory.objects["configmaps"]["chat-notebook-1"]["data"]
    page["records.jsonl"] = page["records.jsonl"].replace("-19.8%", "-39.8%")
    out = " ".join(glia("explain", "chat")[1].split())
    assert "cannot be trusted: ConfigMap chat-notebook-1, line 2" in out
    assert "changed after it was written" in out


def test_explain_goes_on_without_the_right_to_read_the_notebook(glia, memory):
    denied = cluster.Answer(code=403, body={"message": 'User "bob" cannot list resource "configmaps"'})
    memory.refusals["GET", "configmaps"] = [denied]
    status, out, _ = glia("explain", "chat")
    assert status == 0
    assert "The notebook was not read: list ConfigMaps: you lack the right" in out


def test_explain_refuses_a_policy_that_is_not_what_was_examined(glia, memory):
    memory.objects["gliapolicies"]["chat-1"]["spec"]["rationale"] = "Trust me."
    status, out, err = glia("explain", "chat")
    assert (status, out) == (2, "")
    assert "changed after its exam" in err


def test_history_lists_revisions_with_their_decisions(glia, memory, golden):
    memory.put(chat.proposal("hra-spf-aged", 2, "hra-spf"))
    memory.objects["gliapolicies"]["chat-1"]["approval"] = {
        "decision": "Rejected",
        "by": "alice",
        "reason": "not today",
    }
    golden("history", glia("history", "chat")[1])


def test_diff_compares_the_newest_with_what_it_would_replace(glia, golden):
    golden("diff", glia("diff", "chat")[1])


def test_diff_of_two_revisions_goes_from_the_first_to_the_second(glia, memory):
    memory.put(chat.proposal("hra-spf-aged", 2, "hra-spf"))
    status, out, _ = glia("diff", "chat", "1", "2")
    assert status == 0
    assert out.startswith("hra-spf -> hra-spf-aged\n")
    assert glia("diff", "chat", "2")[1] == out
    assert glia("diff", "chat", "2", "1")[1].startswith("hra-spf-aged -> hra-spf\n")


def test_diff_of_a_revision_that_is_not_there_says_which_are(glia):
    status, _, err = glia("diff", "chat", "7")
    assert status == 2
    assert "chat has no revision 7; it has 1" in err


def test_json_is_one_value_and_nothing_else(glia):
    assert [one["metadata"]["name"] for one in json.loads(glia("status", "-o", "json")[1])] == ["chat"]
    explained = json.loads(glia("explain", "chat", "-o", "json")[1])
    assert explained["policy"]["metadata"]["name"] == "chat-1"
    assert [one["kept"] for one in explained["trail"]] == [True, False]
    assert json.loads(glia("diff", "chat", "-o", "json")[1])["words"]
    assert json.loads(glia("history", "chat", "-o", "json")[1])[0]["spec"]["revision"] == 1


def test_what_a_terminal_would_obey_is_not_printed(glia, memory):
    memory.objects["gliaoptimizations"]["chat"]["status"]["message"] = "\x1b[2J\x1b]0;gone\x07 \u202eevil"
    out = glia("status", "chat")[1]
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_the_report_holds_the_evidence_and_escapes_what_others_wrote(glia, memory, tmp_path):
    memory.objects["gliapolicies"]["chat-1"]["approval"] = {
        "decision": "Rejected",
        "by": "alice",
        "reason": "<script>alert(1)</script>",
    }
    path = tmp_path / "report.html"
    status, out, _ = glia("report", "chat", "--out", str(path))
    assert (status, out) == (0, f"{path}\n")
    page = path.read_text()
    assert "<script" not in page
    assert "+19.35%" in page
    assert "headroom admission" in page
    assert "http" not in page.replace("<!doctype html>", "")


def test_a_report_on_nothing_says_why(glia, memory, tmp_path):
    memory.objects["gliapolicies"].clear()
    status, _, err = glia("report", "chat", "--out", str(tmp_path / "report.html"))
    assert status == 2
    assert "chat has no policy to report on (AwaitingApproval)" in err
    assert not list(tmp_path.iterdir())

"""A model's answers become turns, by tool call and by JSON, and the Supervisor never sees a program."""

from __future__ import annotations

import dataclasses
import json

import pytest

from glia_operator.research import acts, team
from glia_sim.policy import document


def test_a_tool_call_becomes_a_proposal_with_a_checked_policy(brain, scripted, said, view):
    scripted.script(said.tool("propose", **said.proposal))
    turn = brain().researcher(view())
    assert (turn.role, turn.act, turn.title, turn.predicted) == ("researcher", "propose", said.proposal["title"], 0.1)
    policy = document.loads(turn.policy, place="turn")
    assert policy.router == said.router
    assert policy.parameters["weight"].high == 1.0
    assert turn.spent == (1000, 50)
    (asked,) = scripted.asked
    assert [one["function"]["name"] for one in asked["tools"]] == ["propose", "inspect", "analyse", "state", "rest"]
    assert "response_format" not in asked


OTHERS = [
    ("inspect", {"sight": "breakdown", "experiment": 0}, {"sight": "breakdown", "numbers": (0,)}),
    ("analyse", {"code": "print(len(data['e2e_s']))"}, {"text": "print(len(data['e2e_s']))", "numbers": (0,)}),
    ("state", {"finding": "Memory is the bottleneck."}, {"text": "Memory is the bottleneck.", "numbers": ()}),
    ("rest", {"reason": "Nothing is left."}, {"text": "Nothing is left."}),
]


@pytest.mark.parametrize(("act", "named", "expected"), OTHERS)
def test_every_other_act_of_the_researcher_is_read(brain, scripted, said, view, act, named, expected):
    scripted.script(said.tool(act, **named))
    turn = brain().researcher(view())
    assert turn.act == act
    assert {name: getattr(turn, name) for name in expected} == expected


SUPERVISORS = [
    ("approve", "reason"),
    ("send-back", "reason"),
    ("ask", "question"),
    ("suggest", "suggestion"),
    ("end", "reason"),
]


@pytest.mark.parametrize(("act", "field"), SUPERVISORS)
def test_every_act_of_the_supervisor_is_read(brain, scripted, said, view, pending, act, field):
    scripted.script(said.tool(act, **{field: "In words."}))
    turn = brain().supervisor(view(pending=pending))
    assert (turn.role, turn.act, turn.text) == ("supervisor", act, "In words.")


def test_a_demand_names_a_control_or_the_experiment_to_take_apart(brain, scripted, said, view, lines):
    scripted.script(said.tool("demand", kind="ablation", reason="Which part pays?", experiments=[1]))
    turn = brain().supervisor(view(experiments=(lines(1),)))
    assert (turn.act, turn.title, turn.numbers) == ("demand", "ablation", (1,))
    scripted.script(
        said.tool("demand", kind="ablation", reason="Which?"), said.tool("demand", kind="control", reason="?")
    )
    assert brain().supervisor(view()).title == "control"
    assert "needs the number" in scripted.asked[-1]["messages"][1]["content"]


def test_a_model_that_calls_no_tool_is_asked_by_json_schema_from_then_on(brain, scripted, said, view):
    scripted.script(said.text("Let me think about it."), said.turn("rest", reason="Done."))
    mind = brain()
    assert mind.researcher(view()).act == "rest"
    assert "tools" in scripted.asked[0]
    assert "tools" not in scripted.asked[1]
    shape = scripted.asked[1]["response_format"]["json_schema"]["schema"]
    enums = [one["properties"]["act"]["enum"][0] for one in shape["properties"]["turn"]["anyOf"]]
    assert enums == list(acts.OF["researcher"])
    mind.researcher(view())
    assert "response_format" in scripted.asked[2]
    assert len(scripted.asked) == 3


REFUSALS = [
    ("tools", 400, "this model does not support tools", "response_format"),
    ("tools", 500, "tools param requires --jinja flag", "response_format"),
    ("tools", 404, "No endpoints found that support tool use", "response_format"),
    ("tools", 422, "extra fields not permitted", "response_format"),
]


@pytest.mark.parametrize(("refused", "code", "message", "instead"), REFUSALS)
def test_an_endpoint_without_tools_is_asked_by_json_schema(
    brain, scripted, said, view, waits, refused, code, message, instead
):
    scripted.script(lambda body: said.status(code, message) if refused in body else said.turn("rest", reason="Done."))
    assert brain().researcher(view()).act == "rest"
    assert instead in scripted.asked[-1]
    assert len(scripted.asked) == 2
    assert waits == []


def test_an_endpoint_that_refuses_schemas_too_is_asked_for_json_in_words(brain, scripted, said, view):
    def step(body):
        if "tools" in body or "response_format" in body:
            return said.status(400, "unknown field")
        return said.text('Sure!\n```json\n{"turn": {"act": "rest", "reason": "Done."}}\n```\nAnything else?')

    scripted.script(step)
    assert brain().researcher(view()).text == "Done."
    assert '"anyOf"' in scripted.asked[-1]["messages"][1]["content"]
    assert len(scripted.asked) == 3


def test_an_endpoint_without_system_messages_gets_one_message(brain, scripted, said, view):
    def step(body):
        refused = body["messages"][0]["role"] == "system"
        return said.status(400, "System role not supported") if refused else said.tool("rest", reason="Done.")

    scripted.script(step)
    assert brain().researcher(view()).act == "rest"
    assert [one["role"] for one in scripted.asked[-1]["messages"]] == ["user"]


def test_an_endpoint_that_calls_the_limit_otherwise_is_obeyed(brain, scripted, said, view):
    def step(body):
        wrong = "max_tokens" in body
        message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        return said.status(400, message) if wrong else said.tool("rest", reason="Done.")

    scripted.script(step)
    assert brain().researcher(view()).act == "rest"
    assert "max_completion_tokens" in scripted.asked[-1]


def test_an_endpoint_with_shorter_answers_is_asked_for_shorter_ones(brain, scripted, said, view):
    def step(body):
        wrong = body["max_tokens"] > 4096
        message = "max_tokens is too large: 8000. This model supports at most 4096 completion tokens."
        return said.status(400, message) if wrong else said.tool("rest", reason="Done.")

    scripted.script(step)
    assert brain().researcher(view()).act == "rest"
    assert "tools" in scripted.asked[-1]
    assert scripted.asked[-1]["max_tokens"] == 4000


def test_a_short_context_drops_the_oldest_turns_and_keeps_the_question(brain, scripted, said, view):
    old = tuple(
        team.Turn(role="researcher", act="state", text=f"finding {k} " + "long " * 200, numbers=(0,)) for k in range(40)
    )

    def step(body):
        size = sum(len(one["content"]) for one in body["messages"])
        wrong = size > 25_000
        message = "This model's maximum context length is 8192 tokens."
        return said.status(400, message) if wrong else said.tool("rest", reason="Done.")

    scripted.script(step)
    assert brain().researcher(view(turns=old)).act == "rest"
    last = scripted.asked[-1]["messages"][1]["content"]
    assert "finding 39" in last
    assert "finding 0 " not in last
    assert "earlier turns are left out" in last
    assert "Memory is full." in last


def test_the_supervisor_is_never_shown_a_program(brain, scripted, said, view, lines, pending):
    program = "```python\ndef score(request, replica, fleet, p):\n    return secret_program\n```"
    talk = (
        team.Turn(role="researcher", act="analyse", text="print(secret_code)", numbers=(0,)),
        team.Turn(role="researcher", act="state", text=f"It works because:\n{program}\nand so on."),
        team.Turn(
            role="researcher", act="state", text="def order(request, fleet, p):\n    return secret_program\nEnd."
        ),
    )
    seen = view(
        experiments=(lines(1, hypothesis=f"With {program}"),),
        turns=talk,
        observations={0: "secret_answer"},
        pending=dataclasses.replace(pending, text=f"Try {program}"),
    )
    scripted.script(said.tool("approve", reason="Good."))
    assert brain().supervisor(seen).act == "approve"
    sent = json.dumps(scripted.asked[0])
    assert "secret" not in sent
    assert "def " not in sent
    assert "replica.in_flight" not in sent
    assert "and so on." in sent
    assert "End." in sent


def test_an_act_that_makes_no_sense_now_is_not_offered(brain, scripted, said, view):
    scripted.script(said.tool("end", reason="Over."))
    mind = brain()
    mind.supervisor(view(experiments_left=0))
    assert [one["function"]["name"] for one in scripted.asked[0]["tools"]] == ["ask", "demand", "suggest", "end"]
    scripted.script(said.tool("rest", reason="Over."))
    mind.researcher(view(experiments_left=0))
    assert "propose" not in [one["function"]["name"] for one in scripted.asked[1]["tools"]]


def test_a_proposal_may_change_one_part_of_an_earlier_policy(brain, scripted, said, view, lines):
    key = "def priority(request, fleet, p):\n    return floor(p.weight * request.prompt_tokens)\n"
    change = {name: said.proposal[name] for name in ("title", "hypothesis", "addresses", "predicted", "parameters")}
    scripted.script(said.tool("propose", base=1, scheduler=key, **change))
    turn = brain().researcher(view(experiments=(lines(1),)))
    found = document.loads(turn.policy, place="turn")
    assert found.router == document.load("p2c").router
    assert found.scheduler == key
    assert turn.numbers == (1,)


def test_a_program_can_be_left_to_the_fleet_and_takes_its_parameters_with_it(brain, scripted, said, view, lines):
    both = document.loads(
        document.dumps(document.load("memory-llq")) + "scheduler: |\n  def priority(request, fleet, p):\n"
        "      return request.prompt_tokens\n",
        place="both",
    )
    change = {name: said.proposal[name] for name in ("title", "hypothesis", "addresses", "predicted")}
    scripted.script(said.tool("propose", base=1, router="default", **change))
    turn = brain().researcher(view(experiments=(lines(1, policy=document.dumps(both)),)))
    found = document.loads(turn.policy, place="turn")
    assert (found.router, found.parameters) == (None, {})
    assert found.scheduler == both.scheduler


def test_a_control_is_compared_with_and_not_copied(brain, scripted, said, view, lines):
    known = lines(1, addresses="control", cost=-0.9, policy=document.dumps(document.load("hra-spf")))
    own = lines(2, policy=document.dumps(document.load("p2c")))
    change = {name: said.proposal[name] for name in ("title", "hypothesis", "addresses", "predicted", "parameters")}
    key = "def priority(request, fleet, p):\n    return floor(p.weight * request.prompt_tokens)\n"
    scripted.script(
        said.tool("propose", base=1, scheduler=key, **change), said.tool("propose", base=2, scheduler=key, **change)
    )
    turn = brain().researcher(view(experiments=(known, own)))
    assert turn.numbers == (2,)
    sent = json.dumps(scripted.asked)
    assert "headroom" not in sent.casefold()
    assert "fleet.serving - 1" in sent
    assert "experiment 1 is a control" in sent

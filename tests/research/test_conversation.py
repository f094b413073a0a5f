"""A conversation: every turn does what it says, costs what it should, and is asked once."""

from __future__ import annotations

import dataclasses

import pytest

from glia_operator.research import notebook as notebooks
from glia_operator.research import study, team
from glia_sim.policy import document
from stories import question

ROUTER = "def score(request, replica, fleet, p):\n    return -replica.waiting\n"


class Said:
    """A brain that says what it is told to, role by role, and keeps the views that it saw."""

    name = "said"

    def __init__(self, researcher, supervisor):
        self.turns = {"researcher": list(researcher), "supervisor": list(supervisor)}
        self.views = {"researcher": [], "supervisor": []}

    def check(self):
        """It can."""

    def researcher(self, view):
        return self._next("researcher", view)

    def supervisor(self, view):
        return self._next("supervisor", view)

    def _next(self, role, view):
        self.views[role].append(view)
        return self.turns[role].pop(0)


def says(role, act, text="why", **more):
    return team.Turn(role=role, act=act, text=text, **more)


def proposal(text=ROUTER, **more):
    policy = document.Policy(name="mine", rationale="Fewest waiting.", router=text)
    return says("researcher", "propose", title="fewest waiting", policy=document.dumps(policy), **more)


END = says("supervisor", "end")


@pytest.fixture
def held(executor, tmp_path):
    """Holds a study with a brain, in a notebook that may be gone on with."""

    def hold(brain, **changes):
        brief = dataclasses.replace(question.brief(40, experiments=2), **changes)
        return study.run(brief, notebook=notebooks.File(tmp_path / "n.jsonl"), executor=executor, brain=brain)

    return hold


def test_an_approved_proposal_is_run_and_one_sent_back_is_not(held):
    brain = Said(
        [proposal(), proposal(), says("researcher", "rest")],
        [says("supervisor", "send-back"), says("supervisor", "approve"), END],
    )
    outcome = held(brain)
    assert [one.title for one in outcome.experiments] == ["fewest waiting"]
    assert outcome.observations[3].startswith("mean-latency")


def test_a_refused_policy_costs_no_experiment_and_its_reason_is_the_answer(held):
    brain = Said([says("researcher", "propose", policy="import os"), says("researcher", "rest")], [END])
    outcome = held(brain)
    assert outcome.experiments == ()
    assert outcome.observations[0].startswith("refused: ")


def test_three_unusable_answers_in_a_row_end_the_study(held):
    outcome = held(Said([says("researcher", "unusable")] * 3, []))
    assert [turn.act for turn in outcome.turns] == ["unusable"] * 3
    assert outcome.best == outcome.baseline


def test_the_supervisor_never_sees_a_program(held):
    brain = Said(
        [proposal(), says("researcher", "analyse", text="print(1)", numbers=(1,)), says("researcher", "rest")],
        [says("supervisor", "approve"), END],
    )
    held(brain)
    seen = repr(brain.views["supervisor"])
    assert brain.views["researcher"][-1].experiments[0].policy
    assert "fewest waiting" in seen
    assert not [word for word in ("def ", "replica.waiting", "print(1)") if word in seen]


def test_a_demanded_control_is_a_known_policy_and_an_ablation_costs_no_experiment(held):
    brain = Said(
        [proposal(), says("researcher", "rest"), says("researcher", "rest")],
        [
            says("supervisor", "approve"),
            says("supervisor", "demand", title="ablation", numbers=(1,)),
            says("supervisor", "demand", title="control"),
        ],
    )
    outcome = held(brain)
    assert [one.addresses for one in outcome.experiments] == ["", "control"]
    assert outcome.observations[3] == "the policy has a single part"
    assert outcome.observations[5].startswith("control expert: ")


def test_what_was_said_is_not_asked_again(held):
    first = held(Said([proposal(), says("researcher", "rest")], [says("supervisor", "approve"), END]))
    assert held(Said([], [])) == first


def test_programs_that_may_not_change_stay_the_baselines(held):
    brain = Said([proposal()], [])
    key = "def priority(request, fleet, p):\n    return request.prompt_tokens\n"
    mine = document.Policy(name="mine", rationale="Both.", router=ROUTER, scheduler=key)
    brain.turns["researcher"] = [
        says("researcher", "propose", title="both", policy=document.dumps(mine)),
        says("researcher", "rest"),
    ]
    outcome = held(brain, strategy="single", tunes=frozenset({"scheduler"}))
    (tried,) = outcome.experiments
    assert tried.policy.router == outcome.baseline.router
    assert tried.policy.scheduler == mine.scheduler

"""A small world of values: what decisions ask for is done to it, and observed again."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from glia_operator.api import optimization
from glia_operator.api import optimization_status as statuses
from glia_operator.handlers.decision import act, asking, decide, seen

BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
WHO = "system:serviceaccount:glia-system:glia-operator"


def brief_of(question):
    return "sha256:" + question.removeprefix("sha256:")[::-1]


def spec_of(seed=0, **more):
    content = {
        "target": {"workloadRef": {"name": "vllm"}},
        "offline": {"fleet": "paper-a10x4", "trace": "synthetic:paper?requests=100&seed=1"},
        "research": {"seed": seed, "budget": {"experiments": 3}, "hints": more.pop("hints", "")},
        **more,
    }
    return optimization.Spec.model_validate(content, by_alias=True, by_name=False)


class World:
    """One optimisation, and everything that decisions about it change."""

    def __init__(self, spec=None):
        self.spec = spec or spec_of()
        self.generation = 1
        self.status = statuses.OptimizationStatus()
        self.winner = ""
        self.target = True
        self.study = seen.Study()
        self.notebooks = {}
        self.policies = []
        self.trouble = None
        self.clock = BEGAN
        self.events = []
        self.deleting = False
        self.notebook_fault = ""

    @property
    def question(self):
        return asking.question(self.spec, {})

    def change(self, spec):
        self.spec, self.generation = spec, self.generation + 1

    def observed(self):
        notebook = next((one for one in self.notebooks.values() if one.question == self.question), None)
        others = tuple(sorted(brief for brief in self.notebooks if notebook is None or brief != notebook.brief))
        return seen.Observed(
            name="chat",
            namespace="team",
            uid="u",
            generation=self.generation,
            deleting=self.deleting,
            spec=self.spec,
            before=self.status,
            winner=self.winner,
            target=self.target,
            question=self.question,
            study=self.study,
            notebook=notebook,
            notebook_fault=self.notebook_fault,
            others=others,
            policies=tuple(self.policies),
            trouble=self.trouble,
            operator=WHO,
        )

    def decision(self):
        return decide.decide(self.observed(), self.clock)

    def step(self, *, lose_status=False, die_after=None):
        """Decide and carry out; dying after some actions leaves the rest undone."""
        decision = self.decision()
        self.clock += dt.timedelta(seconds=1)
        for number, action in enumerate(decision.actions):
            if die_after is not None and number >= die_after:
                return decision
            self.carry_out(action)
        if decision.status is not None and not lose_status:
            self.status = decision.status
        return decision

    def settle(self, most=12):
        """Step until nothing is asked for."""
        for _ in range(most):
            decision = self.decision()
            if not decision.actions and (decision.status is None or decision.status == self.status):
                return decision
            self.step()
        raise AssertionError(f"still asks for {decision.actions}")

    def carry_out(self, action):  # noqa: C901 - a case for each action
        match action:
            case act.StartStudy():
                busy = self.study.stage in (seen.Stage.WAITING, seen.Stage.RUNNING)
                if not (busy and self.study.question == action.question):
                    self.study = seen.Study(stage=seen.Stage.WAITING, question=action.question)
            case act.StopStudy():
                self.study = seen.Study()
            case act.CreatePolicy():
                if action.name not in {policy.name for policy in self.policies}:
                    self.policies.append(self.made(action))
            case act.ApprovePolicy():
                self.judge(action.name, "Approved", by=WHO)
            case act.MarkPolicy():
                self.on_policy(action.name, phase=action.phase, noted=True)
            case act.DiscardNotebook():
                self.notebooks.pop(action.brief, None)
            case act.NoteHints():
                self.note(hints=action.hints)
            case act.Emit():
                self.events.append(action)

    def made(self, action):
        evidence = action.spec["evidence"]
        return seen.Policy(
            name=action.name,
            revision=action.spec["revision"],
            digest=action.spec["digest"],
            brief=evidence["briefDigest"],
            exam=evidence["examDigest"],
            improvement=evidence["improvement"],
            interval=None,
        )

    def on_policy(self, name, **changes):
        self.policies = [
            dataclasses.replace(policy, **changes) if policy.name == name else policy for policy in self.policies
        ]

    def judge(self, name, decision, by="ann"):
        for policy in self.policies:
            if policy.name == name and not policy.decision:
                self.on_policy(name, decision=decision, by=by, reason="because")

    def note(self, **changes):
        for brief, book in list(self.notebooks.items()):
            if book.question == self.question:
                self.notebooks[brief] = dataclasses.replace(book, **changes)

    def run(self):
        """The study that waits begins."""
        if self.study.stage is seen.Stage.WAITING:
            brief = brief_of(self.study.question)
            self.study = dataclasses.replace(self.study, stage=seen.Stage.RUNNING, brief=brief, budget=3)
            empty = seen.Notebook(question=self.study.question, brief=brief, names=("chat-notebook-0",))
            self.notebooks.setdefault(brief, empty)

    def finish(self, *, approved, improvement="+10.00%", feasible=None):
        """The study that runs comes to its answer."""
        if self.study.stage is not seen.Stage.RUNNING:
            return
        brief, digest = self.study.brief, "sha256:" + "d" * 64
        proposal = {
            "digest": digest,
            "evidence": {"briefDigest": brief, "examDigest": "sha256:" + "e" * 64, "improvement": improvement},
        }
        answer = seen.Answer(
            proposal=proposal if approved else None,
            digest=digest if approved else "",
            exam="sha256:" + "e" * 64 if approved else "",
            improvement=improvement,
            reasons=() if approved else ("held-out: no improvement is shown",),
            feasible=feasible,
            feasibility="" if feasible is None else "2.3 s came nearest",
        )
        self.notebooks[brief] = dataclasses.replace(self.notebooks[brief], experiments=3, answer=answer)
        self.study = seen.Study()

    def condition(self, name):
        return {one.type: one for one in self.status.conditions}[name]


@pytest.fixture
def world():
    return World()


@pytest.fixture
def new_world():
    return World


@pytest.fixture
def new_spec():
    return spec_of

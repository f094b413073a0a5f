"""The loop from a wish to an approved policy, decided on values alone."""

from __future__ import annotations

import dataclasses

import pytest

from glia_operator.api import optimization_status as statuses
from glia_operator.handlers.decision import act, phases, seen


def studied(world, *, approved=True, **more):
    world.settle()
    world.run()
    world.settle()
    world.finish(approved=approved, **more)
    world.settle()
    return world


def test_a_wish_becomes_a_policy_that_waits_for_a_person(world):
    world.settle()
    assert (world.status.phase, world.study.stage) == ("Pending", seen.Stage.WAITING)
    world.run()
    world.settle()
    assert world.status.phase == "Studying"
    world.finish(approved=True)
    world.settle()
    assert world.status.phase == "AwaitingApproval"
    assert [policy.name for policy in world.policies] == ["chat-1"]
    assert world.status.candidate.policy == "chat-1"
    assert world.status.candidate.predicted_improvement == "+10.00%"
    assert "kubectl glia approve chat-1" in world.status.message
    assert world.policies[0].phase == "Proposed"


@pytest.mark.parametrize(("decision", "status"), [("Approved", "True"), ("Rejected", "False")])
def test_a_decision_by_a_person_is_final(world, decision, status):
    studied(world)
    world.judge("chat-1", decision)
    world.settle()
    assert world.status.phase == decision
    assert world.policies[0].phase == decision
    assert world.condition("CandidateApproved").status == status
    assert (world.status.active is not None) == (decision == "Approved")
    assert "ann" in world.status.message


def test_automatic_approval_names_the_operator_and_the_exam(new_world, new_spec):
    world = studied(new_world(new_spec(rollout={"approval": "Automatic"})))
    assert world.status.phase == "Approved"
    assert world.policies[0].by.endswith(":glia-operator")
    assert world.status.active.policy == "chat-1"


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda world: world.note(answer=None), "notebook"),
        (lambda world: world.on_policy("chat-1", digest="sha256:" + "f" * 64), "not the policy"),
        (lambda world: world.on_policy("chat-1", exam="sha256:" + "0" * 64), "not the policy"),
    ],
)
def test_what_the_notebook_does_not_vouch_for_is_not_approved_automatically(new_world, new_spec, harm, why):
    world = studied(new_world(new_spec()))
    harm(world)
    world.change(new_spec(rollout={"approval": "Automatic"}))
    decision = world.decision()
    assert not any(isinstance(action, act.ApprovePolicy) for action in decision.actions)
    assert decision.status.phase == "AwaitingApproval"
    assert why in decision.status.message


def test_less_than_the_asked_improvement_is_not_approved_automatically(new_world, new_spec):
    spec = new_spec(rollout={"approval": "Automatic", "minImprovement": "12%"})
    world = studied(new_world(spec), improvement="+10.00%")
    assert world.status.phase == "AwaitingApproval"
    assert "+10.00%" in world.status.message
    assert "12%" in world.status.message


def test_nothing_better_is_said_with_its_reasons(world):
    studied(world, approved=False)
    assert world.status.phase == "NoImprovement"
    assert "no improvement is shown" in world.status.message
    assert world.policies == []


@pytest.mark.parametrize(
    ("harm", "phase", "condition", "status", "mends"),
    [
        (lambda w: setattr(w, "target", False), "Pending", "TargetReady", "False", "create it"),
        (lambda w: setattr(w, "winner", "older"), "Pending", "Conflict", "True", "older"),
        (lambda w: setattr(w, "notebook_fault", "delete ConfigMap x"), "Failed", "Degraded", "True", "delete"),
    ],
)
def test_what_stands_in_the_way_is_a_condition_that_says_what_to_mend(world, harm, phase, condition, status, mends):
    harm(world)
    world.settle()
    assert world.status.phase == phase
    assert world.condition(condition).status == status
    assert mends in world.condition(condition).message
    assert world.study.stage is seen.Stage.IDLE
    assert world.events[-1].warning


def test_an_obstacle_that_goes_away_lets_the_study_go_on(world):
    world.winner = "older"
    world.settle()
    world.winner = ""
    world.settle()
    assert world.study.stage is seen.Stage.WAITING
    assert world.condition("Conflict").status == "False"


def test_telemetry_alone_is_refused_with_what_to_add(new_world, new_spec):
    spec = new_spec(telemetry={"prometheus": {"url": "http://prometheus:9090"}}).model_copy(update={"offline": None})
    world = new_world(spec)
    world.settle()
    assert world.status.phase == "Pending"
    assert world.condition("TelemetryReady").reason == "OfflineOnly"
    assert "add spec.offline" in world.condition("TelemetryReady").message


def test_a_pause_stops_the_study_and_resuming_goes_on_with_the_same_notebook(world, new_spec):
    world.settle()
    world.run()
    world.settle()
    notebook = world.notebooks
    world.change(new_spec(paused=True))
    world.settle()
    assert (world.status.phase, world.study.stage) == ("Paused", seen.Stage.IDLE)
    assert world.condition("Paused").status == "True"
    assert world.notebooks == notebook
    world.change(new_spec())
    world.settle()
    assert world.study.stage is seen.Stage.WAITING


def test_another_question_in_mid_study_supersedes_it_and_its_unfinished_notebook_goes(world, new_spec):
    world.settle()
    world.run()
    world.settle()
    old = world.study.brief
    world.change(new_spec(seed=1))
    world.settle()
    assert world.study.question == world.question
    assert any(event.reason == "Superseded" for event in world.events)
    world.run()
    world.settle()
    assert old not in world.notebooks


def test_a_later_revision_supersedes_an_undecided_one_and_its_notebook_stays(world, new_spec):
    studied(world)
    first = world.policies[0].brief
    world.change(new_spec(seed=1))
    studied(world)
    assert [(policy.name, policy.phase) for policy in world.policies] == [
        ("chat-1", "Superseded"),
        ("chat-2", "Proposed"),
    ]
    assert first in world.notebooks


def test_a_later_revision_leaves_an_approved_one_approved_until_it_is_approved_itself(world, new_spec):
    studied(world)
    world.judge("chat-1", "Approved")
    world.settle()
    world.change(new_spec(seed=1))
    studied(world)
    assert [policy.phase for policy in world.policies] == ["Approved", "Proposed"]
    assert world.status.active.policy == "chat-1"
    world.judge("chat-2", "Approved")
    world.settle()
    assert world.status.active.policy == "chat-2"


def test_hints_restart_nothing_and_are_noted(world, new_spec):
    studied(world)
    world.change(new_spec(hints="mornings are busy"))
    world.settle()
    assert world.status.phase == "AwaitingApproval"
    assert world.study.stage is seen.Stage.IDLE
    assert world.status.hints == "mornings are busy"


def test_a_policy_that_cannot_be_used_is_marked_and_never_a_candidate(new_world, new_spec):
    world = studied(new_world(new_spec(rollout={"approval": "Automatic"})), approved=False)
    world.policies.append(
        seen.Policy(
            name="chat-7",
            revision=7,
            digest="sha256:" + "1" * 64,
            brief=world.status.study.brief_digest,
            exam="sha256:" + "2" * 64,
            improvement="+99.00%",
            interval=None,
            fault="line 1: no such field",
            decision="Approved",
        )
    )
    world.settle()
    assert world.status.phase == "NoImprovement"
    assert world.status.active is None
    assert world.policies[-1].phase == "Proposed"
    assert world.condition("Degraded").reason == "PolicyInvalid"
    assert any(event.reason == "Invalid" and event.policy == "chat-7" for event in world.events)


def test_a_refused_brief_is_told_once_and_not_tried_again_by_another_process(world):
    world.settle()
    world.study = seen.Study(stage=seen.Stage.REFUSED, question=world.question, sentence="fleet: no such fleet")
    world.settle()
    assert world.status.phase == "Failed"
    assert world.condition("BriefReady").message == "fleet: no such fleet"
    world.study = seen.Study()
    decision = world.settle()
    assert decision.actions == ()
    assert world.status.phase == "Failed"


def test_a_study_that_broke_down_rests_and_is_tried_again(world):
    world.settle()
    world.study = seen.Study(stage=seen.Stage.CRASHED, question=world.question, sentence="signal 9", retry_in_s=10.0)
    decision = world.settle()
    assert decision.requeue_after_s == 10.0
    assert world.condition("Degraded").reason == "StudyBroke"
    world.study = dataclasses.replace(world.study, retry_in_s=0.0)
    world.settle()
    assert world.study.stage is seen.Stage.WAITING
    assert world.condition("Degraded").status == "False"


def test_a_deleted_optimisation_stops_its_study_and_gets_no_patch(world):
    world.settle()
    world.deleting = True
    decision = world.step()
    assert decision == act.Decision(status=None, actions=(act.StopStudy(),))
    assert world.step().actions == ()


def test_times_of_conditions_move_only_with_their_status(world, new_spec):
    world.settle()
    before = world.condition("TargetReady")
    studied(world)
    assert world.condition("TargetReady").last_transition_time == before.last_transition_time
    world.target = False
    world.settle()
    assert world.condition("TargetReady").last_transition_time > before.last_transition_time
    assert all(one.observed_generation == world.generation for one in world.status.conditions)


def test_an_infeasible_constraint_says_what_came_nearest(new_world, new_spec):
    world = new_world(new_spec(constraints=[{"metric": "ttft", "quantile": 0.9, "below": "1s"}]))
    world.settle()
    assert world.condition("SLOFeasible").status == "Unknown"
    studied(world, approved=False, feasible=False)
    assert world.condition("SLOFeasible").status == "False"
    assert "came nearest" in world.condition("SLOFeasible").message


def test_an_answer_at_rest_needs_no_notebook(world):
    studied(world)
    for decision in ("", "Approved"):
        if decision:
            world.judge("chat-1", decision)
            world.settle()
        now = dataclasses.replace(world.observed(), notebook=None, others=())
        assert not phases.needs_notebook(now)
        assert phases.find(now).phase == world.status.phase


def test_every_phase_is_reached_by_some_rule():
    reached = {"Pending", "Studying", "AwaitingApproval", "Approved", "Rejected", "NoImprovement", "Paused", "Failed"}
    assert set(statuses.PHASES) == reached

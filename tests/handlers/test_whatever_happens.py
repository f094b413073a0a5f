"""Laws that hold whatever happens, in whatever order, and wherever the operator dies."""

from __future__ import annotations

import dataclasses
import importlib.util
import pathlib

from hypothesis import given, settings
from hypothesis import strategies as st

from glia_operator.handlers.decision import seen

spec = importlib.util.spec_from_file_location("world", pathlib.Path(__file__).parent / "conftest.py")
worlds = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worlds)

SPECS = (
    worlds.spec_of(),
    worlds.spec_of(seed=1),
    worlds.spec_of(paused=True),
    worlds.spec_of(hints="mornings"),
    worlds.spec_of(rollout={"approval": "Automatic"}),
    worlds.spec_of(seed=1, rollout={"approval": "Automatic", "minImprovement": "20%"}),
)


def crash(world):
    if world.study.stage is seen.Stage.RUNNING:
        world.study = dataclasses.replace(
            world.study, stage=seen.Stage.CRASHED, sentence="signal 9", retry_in_s=0.0, brief=""
        )


def restart(world):
    world.study = seen.Study()


def judge(world, which, decision):
    if world.policies:
        world.judge(world.policies[which % len(world.policies)].name, decision)


HAPPENINGS = st.one_of(
    st.sampled_from(SPECS).map(lambda one: lambda world: world.change(one)),
    st.booleans().map(lambda there: lambda world: setattr(world, "target", there)),
    st.sampled_from(["", "older"]).map(lambda one: lambda world: setattr(world, "winner", one)),
    st.just(lambda world: world.run()),
    st.booleans().map(lambda good: lambda world: world.finish(approved=good)),
    st.just(crash),
    st.just(restart),
    st.tuples(st.integers(0, 3), st.sampled_from(["Approved", "Rejected"])).map(
        lambda pair: lambda world: judge(world, *pair)
    ),
    st.just(lambda world: world.step()),
    st.just(lambda world: world.step(lose_status=True)),
    st.integers(0, 3).map(lambda count: lambda world: (world.step(die_after=count), restart(world))),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(HAPPENINGS, max_size=25))
def test_nothing_is_unapproved_nothing_is_doubled_and_the_operator_comes_to_rest(happenings):
    world = worlds.World()
    approved, rejected = set(), set()
    for happen in happenings:
        happen(world)
        phases = {policy.name: policy.phase for policy in world.policies}
        assert all(phases[name] == "Approved" for name in approved)
        assert all(phases[name] == "Rejected" for name in rejected)
        approved |= {name for name, phase in phases.items() if phase == "Approved"}
        rejected |= {name for name, phase in phases.items() if phase == "Rejected"}
        names = [policy.name for policy in world.policies]
        assert len(names) == len(set(names))
    world.settle()
    assert (world.status.active is not None) == any(policy.phase == "Approved" for policy in world.policies)
    live = [policy.brief for policy in world.policies if policy.phase != "Superseded"]
    assert len(live) == len(set(live))
    again = world.decision()
    assert (again.actions, again.status) == ((), world.status)


@settings(max_examples=100, deadline=None)
@given(st.lists(HAPPENINGS, max_size=15))
def test_a_happy_world_always_ends_at_a_decision(happenings):
    world = worlds.World()
    for happen in happenings:
        happen(world)
    world.winner, world.target = "", True
    world.change(worlds.spec_of(seed=9))
    for _ in range(6):
        world.settle()
        world.run()
        world.finish(approved=True)
    world.settle()
    assert world.status.phase in ("AwaitingApproval", "Approved")


@settings(max_examples=100, deadline=None)
@given(st.lists(HAPPENINGS, max_size=15), st.integers(0, 4))
def test_dying_anywhere_leads_to_the_same_end(happenings, dies):
    ends = []
    for die_after in (None, dies):
        world = worlds.World()
        for happen in happenings:
            happen(world)
        if die_after is not None:
            world.step(die_after=die_after)
            restart(world)
        world.winner, world.target = "", True
        for _ in range(3):
            world.settle()
            world.run()
            world.finish(approved=True)
        world.settle()
        ends.append((world.status.phase, [(one.name, one.phase, one.decision) for one in world.policies]))
    assert ends[0] == ends[1]

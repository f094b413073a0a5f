"""The operator dies at every step, and nothing is lost, doubled or repeated."""

from __future__ import annotations

import collections
import time

import pytest

from controlplane import cluster as clusters

TAKEOVER_S = 20.0


def holder(cluster):
    return cluster.get("lease", "glia-operator", "-n", "glia-system")["spec"].get("holderIdentity", "")


def unrepeated(wish):
    keys = collections.Counter((one["kind"], one["key"]) for one in wish.records() if one["kind"] != "hints")
    return [key for key, count in keys.items() if count > 1]


def test_another_takes_over_within_twenty_seconds_on_an_empty_disk_and_repeats_nothing(new_operator, wish):
    first = new_operator()
    clusters.until("the first leads", lambda: first.role == "leader")
    second = new_operator()
    clusters.until("the second stands by", lambda: second.role == "standby")
    assert second.ask("/readyz")[0] == 200
    wish.apply(rollout={"approval": "Automatic"})
    clusters.until(
        "an experiment is recorded", lambda: any(one["kind"] == "hypothesis" for one in wish.records()), timeout_s=240
    )
    before = wish.records()
    died_s = time.monotonic()
    first.kill()
    clusters.until("the second leads", lambda: second.role == "leader", timeout_s=40)
    assert time.monotonic() - died_s < TAKEOVER_S
    wish.until("Approved")
    assert wish.records()[: len(before)] == before
    assert unrepeated(wish) == []
    assert len(wish.policies()) == 1


STEPS = {
    "before anything": lambda _wish: True,
    "the question is noted": lambda wish: wish.phase == "Pending",
    "the study runs": lambda wish: wish.phase == "Studying",
    "a hypothesis is noted": lambda wish: has(wish, "hypothesis"),
    "an experiment is finished": lambda wish: has(wish, "experiment"),
    "the finalists are chosen": lambda wish: has(wish, "validation") or has(wish, "exam"),
    "the exam is over": lambda wish: has(wish, "exam"),
    "the answer is noted": lambda wish: has(wish, "answer"),
    "the policy is made": lambda wish: bool(wish.policies()),
    "the policy is approved": lambda wish: any("approval" in one for one in wish.policies()),
    "the approval is told": lambda wish: wish.phase == "Approved",
}


def has(wish, kind):
    return any(one["kind"] == kind for one in wish.records())


@pytest.fixture(scope="module")
def undisturbed():
    """The end of the same wish without a death; filled by the first test that needs it."""
    return {}


@pytest.mark.parametrize("times", [1, 2, 3])
def test_killed_at_every_step_it_comes_to_the_same_end(new_operator, new_wish, same_end, undisturbed, times):
    """One operator after another, each killed at the next step; the next begins at once, as the kubelet would."""
    wish = new_wish("chat")
    operator = new_operator("--lease-duration=3")
    wish.apply(rollout={"approval": "Automatic"})
    for step, reached in STEPS.items():
        clusters.until(step, lambda reached=reached: reached(wish), timeout_s=240)
        operator.kill()
        operator = new_operator("--lease-duration=3")
    wish.until("Approved")
    clusters.until("the operator leads", lambda: operator.role == "leader")
    end = same_end(wish)
    assert unrepeated(wish) == []
    assert [one["metadata"]["name"] for one in wish.policies()] == ["chat-1"]
    assert undisturbed.setdefault("end", end) == end, f"round {times} ended otherwise"

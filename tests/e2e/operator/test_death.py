"""The operator dies at every step, and nothing is lost, doubled or repeated."""

from __future__ import annotations

import collections
import datetime as dt

import pytest

from controlplane import cluster as clusters

TAKEOVER_S = 20.0


def lease(cluster):
    return cluster.get("lease", "glia-operator", "-n", "glia-system")["spec"]


def unrepeated(wish):
    keys = collections.Counter((one["kind"], one["key"]) for one in wish.records() if one["kind"] != "hints")
    return [key for key, count in keys.items() if count > 1]


def test_another_takes_over_within_twenty_seconds_on_an_empty_disk_and_repeats_nothing(new_operator, wish):
    first = new_operator(bare=True)
    clusters.until("the first leads", lambda: first.role == "leader")
    second = new_operator(bare=True)
    clusters.until("the second stands by", lambda: second.role == "standby")
    assert second.ask("/readyz")[0] == 200
    wish.apply(rollout={"approval": "Automatic"})
    wish.until_recorded("hypothesis")
    before = wish.records()
    died = dt.datetime.now(dt.UTC)
    first.kill()
    clusters.until("the second leads", lambda: second.role == "leader")
    taken = dt.datetime.fromisoformat(lease(wish.cluster)["acquireTime"])
    assert (taken - died).total_seconds() < TAKEOVER_S
    wish.until("Approved")
    assert wish.records()[: len(before)] == before
    assert unrepeated(wish) == []
    assert len(wish.policies()) == 1


STEPS = {
    "before anything": lambda _wish: True,
    "the question is noted": lambda wish: wish.phase != "",
    "the study runs": lambda wish: wish.phase not in ("", "Pending"),
    "a hypothesis is noted": lambda wish: wish.has("hypothesis"),
    "an experiment is finished": lambda wish: wish.has("experiment"),
    "the finalists are chosen": lambda wish: wish.has("validation") or wish.has("exam"),
    "the exam is over": lambda wish: wish.has("exam"),
    "the answer is noted": lambda wish: wish.has("answer"),
    "the policy is made": lambda wish: bool(wish.policies()),
    "the policy is approved": lambda wish: any("approval" in one for one in wish.policies()),
    "the approval is told": lambda wish: wish.phase == "Approved",
}


@pytest.fixture(scope="module")
def undisturbed():
    """The end of the same wish without a death; filled by the first test that needs it."""
    return {}


class Kept:
    """An operator with a short Lease; on a busy machine it may lose that, end by itself, and be begun anew."""

    def __init__(self, new_operator, *, bare):
        self._begin = lambda: new_operator("--lease-duration=3", bare=bare)
        self._now = self._begin()

    def operator(self):
        if self._now.process.poll() is not None:
            self._now = self._begin()
        return self._now


@pytest.mark.parametrize("times", [1, 2, 3])
def test_killed_at_every_step_it_comes_to_the_same_end(new_operator, new_wish, same_end, undisturbed, times):
    """One operator after another, each killed at the next step; the next begins at once, as the kubelet would.

    In the first round each of them has to compile, too.
    """
    wish = new_wish("chat")
    kept = Kept(new_operator, bare=times == 1)
    wish.apply(rollout={"approval": "Automatic"})
    for step, reached in STEPS.items():
        clusters.until(step, lambda reached=reached: kept.operator() and reached(wish), timeout_s=480)
        kept.operator().kill()
    leads = lambda: kept.operator().role == "leader" and wish.phase == "Approved"  # noqa: E731 - asked until it is so
    clusters.until("it is approved, and an operator leads", leads)
    end = same_end(wish)
    assert unrepeated(wish) == []
    assert [one["metadata"]["name"] for one in wish.policies()] == ["chat-1"]
    assert undisturbed.setdefault("end", end) == end, f"round {times} ended otherwise"

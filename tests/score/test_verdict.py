"""Each rule of the exam, broken alone, refuses the candidate in one sentence with its numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from glia_sim import effect, goal, verdict

SEEDS = (1, 2, 3)
ASKED = goal.constraint("p90 ttft < 10s")


def change(estimate: float, low: float, high: float, ratio: float = 1.0) -> effect.Effect:
    return effect.Effect(
        metric="m",
        estimate=estimate,
        low=low,
        high=high,
        confidence=0.95,
        ratio=ratio,
        baseline=100.0,
        candidate=100.0 * (1 + estimate),
        seeds=20,
    )


BETTER, SAME, WORSE = change(-0.3, -0.4, -0.2), change(0.01, -0.05, 0.06), change(0.3, 0.2, 0.4)


@pytest.fixture
def good(make) -> verdict.Section:
    card = make.card([4.0, 8.0])
    return verdict.Section(title="held-out", objective=BETTER, tail=change(0, 0, 0, 0.9), baseline=card, candidate=card)


def rules(objective: str = "mean-latency", *constraints: goal.Constraint, least: float = 0.0) -> verdict.Rules:
    return verdict.Rules(objective=goal.objective(objective), constraints=constraints, min_improvement=least)


def decide(asked: verdict.Rules, heldout: verdict.Section, *others: verdict.Section) -> verdict.Verdict:
    return verdict.decide(asked, heldout, others, notes=(), seeds=SEEDS)


def refused(found: verdict.Verdict, *words: str) -> None:
    assert not found.approved
    assert len(found.reasons) == len(words)
    for reason, expected in zip(found.reasons, words, strict=True):
        assert expected in reason


def test_a_good_candidate_is_approved_and_the_reason_carries_the_numbers(good):
    found = decide(rules("mean-latency", ASKED), good, replace(good, title="load x1.2", objective=SAME))
    assert found.approved
    (reason,) = found.reasons
    for words in ("held-out: mean-latency improves by +30.0% (+20.0% to +40.0%, 20 seeds)", "0.900 times", "'p90 ttft"):
        assert words in reason
    assert found.improvement == pytest.approx(0.3)
    assert found.interval == pytest.approx((0.2, 0.4))
    assert found.seeds == SEEDS


class TestHeldOut:
    """The rules on held-out seeds."""

    @pytest.mark.parametrize(
        "objective", [SAME, WORSE, change(-0.1, -0.2, 0.0), change(-0.5, float("-inf"), float("inf"))]
    )
    def test_an_improvement_must_be_shown(self, good, objective):
        refused(decide(rules(), replace(good, objective=objective)), "no improvement of mean-latency is shown")

    def test_it_must_be_as_large_as_asked(self, good):
        refused(decide(rules(least=0.35), good), "improves by less than the 35.0% asked: +30.0%")
        assert decide(rules(least=0.25), good).approved

    def test_higher_is_better_for_throughput(self, good):
        assert decide(rules("throughput"), replace(good, objective=WORSE)).approved
        refused(decide(rules("throughput"), good), "no improvement of throughput is shown: -30.0%")

    def test_a_constraint_must_hold_even_where_the_baseline_breaks_it(self, good, make):
        slow = make.card([40.0, 80.0])
        words = "'p90 ttft < 10 s' does not hold: 38 s; the baseline has 38 s"
        refused(decide(rules("mean-latency", ASKED), replace(good, baseline=slow, candidate=slow)), words)

    def test_keeping_what_the_baseline_breaks_needs_no_improvement_beside_it(self, good, make):
        slow, asked = make.card([40.0, 80.0]), rules("gpu-hours", ASKED)
        refused(decide(asked, replace(good, objective=WORSE)), "no improvement of gpu-hours is shown")
        found = decide(asked, replace(good, objective=WORSE, baseline=slow))
        assert found.approved
        assert "'p90 ttft < 10 s' holds, which the baseline breaks" in found.reasons[0]

    def test_the_tail_may_not_grow_at_all(self, good):
        refused(decide(rules(), replace(good, tail=change(0, 0, 0, 1.001))), "p99 E2E is 1.001 times the baseline's")
        assert decide(rules(), replace(good, tail=change(0, 0, 0, 1.0))).approved

    def test_a_tail_that_is_no_number_is_no_proof(self, good):
        refused(decide(rules(), replace(good, tail=change(0, 0, 0, float("nan")))), "p99 E2E is nan times")

    def test_a_program_may_not_fault(self, good):
        faulty = replace(good.candidate, policy_faults=3)
        refused(decide(rules(), replace(good, candidate=faulty)), "faulted 3 times")

    def test_no_more_requests_may_fail(self, good):
        fails = replace(good.candidate, failed=1)
        refused(
            decide(rules(), replace(good, candidate=fails)),
            "1 of 2 requests fail (50.000%), more than the baseline's 0",
        )
        assert decide(rules(), replace(good, baseline=fails, candidate=fails)).approved

    def test_every_broken_rule_is_named(self, good):
        bad = replace(
            good, objective=WORSE, tail=change(0, 0, 0, 2.0), candidate=replace(good.candidate, policy_faults=1)
        )
        refused(decide(rules(), bad), "no improvement", "p99 E2E", "faulted")


class TestRobustness:
    """The rules under other conditions forgive noise, not harm."""

    def test_no_improvement_is_forgiven_and_a_loss_is_not(self, good):
        assert decide(rules(), good, replace(good, objective=SAME)).approved
        lost = replace(good, title="burstier", objective=WORSE)
        refused(decide(rules(), good, lost), "burstier: mean-latency gets worse: -30.0% (-40.0% to -20.0%, 20 seeds)")

    def test_the_tail_may_grow_by_a_twentieth(self, good):
        assert decide(rules(), good, replace(good, tail=change(0, 0, 0, 1.05))).approved
        longer = replace(good, title="KV x0.9", tail=change(0, 0, 0, 1.06))
        refused(decide(rules(), good, longer), "KV x0.9: p99 E2E is 1.060 times")

    def test_a_constraint_that_the_baseline_keeps_must_be_kept(self, good, make):
        slow, asked = make.card([40.0, 80.0]), rules("mean-latency", ASKED)
        assert decide(asked, good, replace(good, candidate=make.card([9.0, 18.0]))).approved
        refused(decide(asked, good, replace(good, title="load x1.2", candidate=slow)), "load x1.2: 'p90 ttft < 10 s'")

    @pytest.mark.parametrize("broken", [20.2, 80.0])
    def test_one_that_it_breaks_may_be_broken_by_a_quarter_more(self, good, make, broken):
        asked, here = rules("mean-latency", ASKED), replace(good, title="load x1.2", baseline=make.card([broken] * 2))
        assert decide(asked, good, here).approved
        assert decide(asked, good, replace(here, candidate=make.card([1.24 * broken] * 2))).approved
        worse = replace(here, candidate=make.card([1.26 * broken] * 2))
        refused(decide(asked, good, worse), f"{broken / 2 * 1.26:.4g} s; the baseline has {broken / 2:.4g} s")

    def test_what_keeping_a_constraint_costs_is_no_loss_where_the_baseline_breaks_it(self, good, make):
        slow, asked = make.card([40.0, 80.0]), rules("gpu-hours", ASKED)
        dearer = replace(good, title="load x1.2", objective=WORSE)
        refused(decide(asked, good, dearer), "load x1.2: gpu-hours gets worse")
        assert decide(asked, good, replace(dearer, baseline=slow)).approved
        refused(decide(asked, good, replace(dearer, baseline=slow, candidate=slow)), "load x1.2: gpu-hours gets worse")

    def test_faults_and_failures_count_as_on_held_out_seeds(self, good):
        bad = replace(good, title="burstier", candidate=replace(good.candidate, policy_faults=1, failed=1))
        refused(decide(rules(), good, bad), "burstier: the candidate's programs faulted", "burstier: 1 of 2 requests")


class TestWhoGuardsTheTail:
    """An objective that is no latency leaves the tail to the constraints, if there are any."""

    @pytest.mark.parametrize("name", ["mean-latency", "p95-latency"])
    def test_a_latency_objective_always_guards_it(self, good, name):
        longer = replace(good, tail=change(0, 0, 0, 2.0))
        refused(decide(rules(name, ASKED), longer), "p99 E2E is 2.000 times")

    def test_gpu_hours_leave_it_to_a_constraint(self, good):
        longer = replace(good, tail=change(0, 0, 0, 2.0))
        assert decide(rules("gpu-hours", ASKED), longer).approved
        refused(decide(rules("gpu-hours"), longer), "p99 E2E is 2.000 times")


def test_a_verdict_is_plain_json(good):
    unbounded = replace(good, objective=change(-0.5, float("-inf"), float("inf")))
    content = verdict.as_json(decide(rules(), unbounded))
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["interval"] == [None, None]
    assert content["approved"] is False

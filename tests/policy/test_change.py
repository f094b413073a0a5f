"""A change of policy is told in words a person can approve, and shown as a diff."""

from __future__ import annotations

import pytest

from glia_sim.policy import catalogue, change, document


def words(old: str | document.Policy, new: str | document.Policy) -> tuple[str, ...]:
    policies = [document.load(one) if isinstance(one, str) else one for one in (old, new)]
    return change.describe(*policies).words


@pytest.mark.parametrize("name", catalogue.names())
def test_a_policy_does_not_differ_from_itself_in_another_layout(name):
    policy = document.load(name)
    texts = {program: f"# Other words.\n\n{text}" for program, text in policy.texts.items()}
    described = change.describe(policy, policy.model_copy(update={**texts, "rationale": "Other words."}))
    assert described.words == ()
    assert described.diff == ""


def test_a_changed_value_names_its_unit_and_meaning():
    policy = document.load("hra-spf")
    (told,) = words(policy, document.with_values(policy, {"r": 0.45}))
    assert told.startswith("parameter r: 0.6 -> 0.45 output tokens per prompt token (growth charged")


def test_close_values_are_told_apart():
    policy = document.load("hra-spf")
    (told,) = words(policy, document.with_values(policy, {"r": 0.6000000001}))
    assert "0.6 -> 0.6000000001" in told


def test_changed_bounds_and_meaning_are_told():
    policy = document.load("hra-spf")
    r = policy.parameters["r"].model_copy(update={"high": 2.0, "unit": "1", "meaning": "growth"})
    told = words(policy, policy.model_copy(update={"parameters": {**policy.parameters, "r": r}}))
    assert told == ("parameter r: bounds 0 to 4 -> 0 to 2 1", "parameter r now means: growth (1)")


def test_a_changed_key_is_told_in_full():
    told = words("hra-spf", "hra-spf-aged")
    key = "request.prompt_tokens - p.ageing * request.waited_s (was request.prompt_tokens)"
    assert f"order: the key of the router's queue is now {key}" in told
    assert any(one.startswith("new parameter ageing = 10 (0 to 200, tokens per second)") for one in told)


def test_a_queue_that_comes_or_goes_is_told():
    come, gone = words("llq", "expert"), words("expert", "llq")
    assert "order: the key of the router's queue is now request.prompt_tokens (was the order of arrival)" in come
    assert any("the queue is now served in order of arrival" in one for one in gone)
    assert "score: can now hold the whole queue (BLOCK)" in come
    assert "parameter limit_share is gone" in gone


def test_programs_that_come_or_go_are_told():
    assert words("llq", "spf-priority") == (
        "adds a batch scheduler: the batch scheduler's key is request.prompt_tokens",
    )
    assert words("spf-priority", "llq") == ("removes the batch scheduler",)
    (added,) = [one for one in words("llq", "proportional") if "autoscaler" in one]
    assert added.startswith("adds an autoscaler: the number of replicas wanted is computed from fleet.held, ")


def test_a_changed_body_names_what_it_reads_and_how_much_changed():
    told = words("hra-spf", "expert")
    assert any("lines are new" in one for one in told)
    assert any(one.startswith("score: now reads p.limit_share, replica.committed_blocks") for one in told)
    assert any(one.startswith("score: no longer reads p.m, p.r") for one in told)


def test_answers_that_come_and_go_are_told():
    assert "score: can now pass a replica over (SKIP)" in words("llq", "p2c")
    assert any("no longer can hold the whole queue (BLOCK)" in one for one in words("spf-budget", "p2c"))


def test_the_name_of_a_loop_does_not_count_as_a_field():
    def averaged(name: str) -> document.Policy:
        lines = ["total = 0", f"for {name} in fleet.replicas:", f"    total += {name}.running", "return total"]
        text = "\n    ".join(["def score(request, replica, fleet, p):", *lines])
        return document.Policy(name="averaged", rationale="A mean.", router=text)

    told = words(averaged("each"), averaged("other"))
    assert told == ("score: 2 of 5 lines are new, 2 of 5 are gone",)


def test_the_diff_is_of_the_rendered_texts_and_the_parameters():
    policy = document.load("hra-spf")
    diff = change.describe(policy, document.with_values(policy, {"m": 0.05})).diff
    removed = [line for line in diff.splitlines() if line.startswith("-parameter")]
    assert diff.startswith("--- hra-spf\n+++ hra-spf\n")
    assert removed == ["-parameter m = 0.03 (0 to 0.3, share of the KV blocks): " + policy.parameters["m"].meaning]

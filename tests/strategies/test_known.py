"""The control knows every policy of the catalogue, takes them apart and pairs them without changing what they do."""

from __future__ import annotations

import dataclasses

import pytest

from glia_operator.research.strategies import catalogue, known
from glia_sim.policy import catalogue as names
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers

NEEDS_PREFIXES = {"prefix-affinity"}
SAME_ROUTER = {"proportional"}  # its router is llq's, and the fleet has no autoscaler


def test_every_known_router_and_scheduler_is_tried_where_all_may_change(small_brief):
    found = {policy.name for policy in known.policies(small_brief)}
    assert found == set(names.names()) - NEEDS_PREFIXES - SAME_ROUTER


def test_prefix_affinity_is_tried_where_prompts_share_prefixes(small_brief):
    shared = readers.read("synthetic:shared-prefix?requests=40&rate=4&seed=1")
    assert shared.has_prefixes
    brief = dataclasses.replace(small_brief, workload=shared)
    assert "prefix-affinity" in {policy.name for policy in known.policies(brief)}


def test_only_programs_that_the_brief_tunes_are_tried(small_brief):
    brief = dataclasses.replace(small_brief, tunes=frozenset({"scheduler"}))
    (only,) = known.policies(brief)
    assert only.name == "spf-priority"
    assert set(only.texts) == {"scheduler"}
    assert brief.confined(only).texts["router"] == brief.baseline.texts["router"]


def test_an_autoscaler_of_the_catalogue_needs_a_fleet_that_scales(small_brief, scaling):
    brief = dataclasses.replace(small_brief, fleet=scaling)
    found = {policy.name: policy for policy in known.policies(brief)}
    assert "proportional" in found
    pairs = known.completed(found["hra-spf"], tuple(found.values()))
    assert {frozenset(pair.texts) for pair in pairs} == {
        frozenset({"router", "scheduler"}),
        frozenset({"router", "autoscaler"}),
        frozenset({"router", "scheduler", "autoscaler"}),
    }


def test_the_policy_in_use_is_one_of_the_known(small_brief):
    own = document.Policy(
        name="house", rationale="ours", router="def score(request, replica, fleet, p):\n    return -replica.kv_used\n"
    )
    brief = dataclasses.replace(small_brief, baseline=own)
    assert known.policies(brief)[0].texts == own.texts


def test_joined_programs_decide_as_they_did_and_a_taken_name_is_changed():
    router, other = document.load("spf-budget"), document.load("proportional")
    clashing = known.piece(other, "autoscaler").model_copy(
        update={
            "parameters": {"budget": other.parameters["target"], "patience": other.parameters["patience"]},
            "autoscaler": other.texts["autoscaler"].replace("p.target", "p.budget"),
        }
    )
    pair = known.joined((router, clashing))
    assert set(pair.parameters) == {"budget", "budget_autoscaler", "patience"}
    assert "p.budget_autoscaler" in pair.texts["autoscaler"]
    assert pair.texts["router"] == router.texts["router"]
    assert {name: one.value for name, one in pair.parameters.items()} == {
        "budget": 64.0,
        "budget_autoscaler": 32.0,
        "patience": 60.0,
    }
    programs.compile(pair)


def test_the_control_tunes_each_policy_by_itself_then_pairs_then_sweeps_the_best_again(at_work, small_brief, tmp_path):
    brief = dataclasses.replace(small_brief, experiments=14)
    research = at_work(brief, tmp_path / "n.jsonl")
    catalogue.control(research)
    titles = [one.title for one in research.study.experiments]
    alone = [policy for policy in known.policies(brief) if policy.parameters]
    assert titles[0].endswith("known policies as they are written")
    assert set(titles[1 : 1 + len(alone)]) == {f"known: {policy.name}" for policy in alone}
    assert any("spf-priority" in title for title in titles[1 + len(alone) :])
    assert titles[-1].startswith("larger sweep")
    assert len(titles) == 14


@pytest.mark.parametrize("experiments", [1, 2, 5])
def test_few_experiments_still_leave_some_for_the_best(at_work, small_brief, tmp_path, experiments):
    research = at_work(dataclasses.replace(small_brief, experiments=experiments), tmp_path / "n.jsonl")
    catalogue.control(research)
    assert len(research.study.experiments) == experiments
    assert min(one.cost for one in research.study.experiments) <= research.study.experiments[0].cost

"""A study's outcome becomes a GliaPolicy that holds the policy to the letter, and is small."""

from __future__ import annotations

import dataclasses
import json

import pytest

from glia_operator.api import policy
from glia_operator.research import revision
from glia_sim import faults

PLACE = revision.Place(optimization="chat", revision=2, notebook_digest="sha256:" + "0" * 64)
LIMIT_BYTES = 200_000


@pytest.fixture(scope="module")
def approved(finished):
    """The study's outcome as if its best experiment had been approved, so that there is something to propose."""
    outcome, _ = finished
    if outcome.verdict.approved:
        return outcome
    best = min(outcome.experiments, key=lambda one: one.cost).policy
    return dataclasses.replace(outcome, best=best, improvement=0.125, interval=(0.1, 0.15))


@pytest.fixture(scope="module")
def proposed(approved, small_brief):
    return revision.spec(approved, small_brief, PLACE)


def test_the_proposal_survives_the_api_server_and_is_the_same_policy(proposed, approved):
    stored = json.loads(json.dumps(proposed.plain()))
    body = {"apiVersion": "glia.dev/v1alpha1", "kind": "GliaPolicy", "metadata": {"name": "chat-2"}, "spec": stored}
    assert len(json.dumps(body)) < LIMIT_BYTES
    read = policy.read(body).spec
    assert read == proposed
    assert revision.policy_document(read) == approved.best
    assert read.digest == approved.best.digest
    assert read.parent == approved.baseline.digest


def test_whole_numbers_lose_their_point_in_the_api_server_and_the_digest_stays(proposed, approved):
    def as_go_writes(value):
        if isinstance(value, dict):
            return {key: as_go_writes(item) for key, item in value.items()}
        return int(value) if isinstance(value, float) and value == int(value) else value

    stored = as_go_writes(proposed.plain()["parameters"])
    read = policy.PolicySpec.model_validate(proposed.plain() | {"parameters": stored})
    assert revision.policy_document(read).digest == approved.best.digest


def test_the_evidence_is_the_exams(proposed, approved, small_brief):
    found = proposed.evidence
    assert found.improvement == f"{approved.improvement * 100:+.2f}%"
    assert found.seeds.heldout == len(approved.verdict.seeds)
    assert {one.title for one in found.conditions} == {section.title for section in approved.verdict.robustness}
    assert found.brief_digest == small_brief.digest
    assert found.baseline.mean_seconds == pytest.approx(approved.baseline_card.e2e.mean, rel=1e-5)
    assert found.explanation[0] == approved.explanation[0]


def test_the_exams_digest_tells_policies_and_questions_apart(approved):
    marked = approved.verdict
    digests = {revision.exam_digest(marked, brief, one) for brief in ("a", "b") for one in ("c", "d")}
    assert len(digests) == 4
    assert revision.exam_digest(marked, "a", "c") == revision.exam_digest(marked, "a", "c")


def test_a_policy_that_was_changed_after_its_exam_is_refused(proposed):
    changed = proposed.model_copy(update={"rationale": "Trust me."})
    with pytest.raises(faults.InputFault, match="changed after its exam"):
        revision.policy_document(changed)


def test_programs_outside_the_language_are_refused_with_their_place(proposed):
    programs = policy.Programs(router="import os\ndef score(request, replica, fleet, p):\n    return 1\n")
    with pytest.raises(faults.InputFault, match=r"GliaPolicy chat-2.*import"):
        revision.policy_document(proposed.model_copy(update={"programs": programs}))


def test_nothing_approved_is_nothing_to_propose(approved, small_brief):
    nothing = dataclasses.replace(approved, best=approved.baseline)
    with pytest.raises(ValueError, match="approved nothing; there is no policy to propose"):
        revision.spec(nothing, small_brief, PLACE)

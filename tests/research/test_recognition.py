"""A policy in use is read back as the parts that it is composed from, or taken for a policy of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glia_operator.research import design as designs
from glia_operator.research import parts, recognition
from glia_sim.policy import catalogue, document

ALL = frozenset({"router", "scheduler", "autoscaler"})


def some(table):
    return st.lists(st.sampled_from(list(table)), unique=True).map(tuple)


DESIGNS = st.builds(
    designs.Design,
    order=st.sampled_from(list(parts.ORDERS)),
    admits=st.booleans(),
    room=st.sampled_from(list(parts.ROOM)),
    room_terms=some(parts.ROOM_TERMS),
    charge=st.sampled_from(list(parts.CHARGES)),
    held=st.sampled_from(list(parts.HELD)),
    coming=st.sampled_from(list(parts.COMING)),
    aside=st.sampled_from(["", *parts.ASIDE]),
    gate=st.sampled_from(["", *parts.GATES]),
    balance=st.sampled_from(list(parts.BALANCES)),
    terms=some(parts.TERMS),
    scheduler=st.sampled_from(["", *parts.SCHEDULERS]),
    autoscaler=st.sampled_from(["", *parts.AUTOSCALERS]),
    reserves=some(parts.RESERVES),
    holds=some(parts.HOLDS),
    gently=st.booleans(),
)


@given(design=DESIGNS, tunes=st.sets(st.sampled_from(sorted(ALL)), min_size=1))
def test_what_is_composed_is_recognised_by_the_programs_that_may_change(design, tunes):
    policy = designs.compose(design, {}, name="in-use")
    stored = document.loads(document.dumps(policy), place="in use")
    found = recognition.recognised(stored, tunes)
    again = designs.compose(found, {}, name="again").texts
    assert {name: again.get(name) for name in tunes} == {name: policy.texts.get(name) for name in tunes}


@pytest.mark.parametrize("name", catalogue.names())
def test_a_policy_that_no_parts_make_is_not_recognised(name):
    assert recognition.recognised(document.load(name), ALL) is None


def test_a_program_that_was_changed_by_hand_is_not_recognised():
    policy = designs.compose(designs.Design(admits=True, scheduler="oldest-longest"), {}, name="in-use")
    changed = policy.model_copy(update={"scheduler": policy.scheduler.replace("request.sequence", "0")})
    assert recognition.recognised(policy, ALL) == designs.Design(admits=True, scheduler="oldest-longest")
    assert recognition.recognised(changed, ALL) is None
    assert recognition.recognised(changed, {"router"}) == designs.Design(admits=True)

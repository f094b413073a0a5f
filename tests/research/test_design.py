"""Every composition of parts is a policy of the language, and says what it is."""

from __future__ import annotations

import itertools

import pytest

from glia_operator.research import design as designs
from glia_operator.research import parts, tuning
from glia_sim.policy import document

TERMS = [(), tuple(parts.TERMS)]


@pytest.mark.parametrize(
    ("order", "admits", "held", "scheduler"),
    list(itertools.product(parts.ORDERS, (False, True), parts.HELD, ("", *parts.SCHEDULERS))),
)
def test_every_composition_passes_the_language_and_declares_what_it_reads(order, admits, held, scheduler):
    choices = itertools.product(TERMS, parts.ROOM, parts.BALANCES, ("", "proportional"))
    for terms, room, balance, autoscaler in choices:
        design = designs.Design(
            order=order,
            admits=admits,
            room=room,
            held=held,
            balance=balance,
            scheduler=scheduler,
            terms=terms,
            autoscaler=autoscaler,
        )
        policy = designs.compose(design, {}, name="composition")
        assert document.loads(document.dumps(policy), place="composition") == policy
        assert set(policy.parameters) == set(designs.knobs(design))
        assert (policy.scheduler is None) == (scheduler == "")


@pytest.mark.parametrize("autoscaler", parts.AUTOSCALERS)
def test_every_autoscaler_is_a_program_with_any_reserve_and_hold(autoscaler):
    reserves, holds = ((), tuple(parts.RESERVES)), ((), *((hold,) for hold in parts.HOLDS), tuple(parts.HOLDS))
    for kept, stays, gently in itertools.product(reserves, holds, (False, True)):
        design = designs.Design(autoscaler=autoscaler, reserves=kept, holds=stays, gently=gently)
        policy = designs.compose(design, {}, name="scaler")
        assert document.loads(document.dumps(policy), place="scaler") == policy
        assert set(policy.parameters) == set(designs.knobs(design))
        assert designs.read(designs.written(design)) == design


def test_a_knob_on_a_logarithmic_scale_comes_back_from_its_place():
    for name, knob in parts.KNOBS.items():
        for value in (knob.low, knob.value, knob.high):
            place = tuning.position(knob, value)
            assert 0.0 <= place <= 1.0, name
            assert tuning.value_at(knob, place) == pytest.approx(value, rel=5e-3), name


def test_values_never_leave_their_bounds():
    for knob in parts.KNOBS.values():
        assert tuning.value_at(knob, -3.0) == knob.low
        assert tuning.value_at(knob, 7.0) == knob.high

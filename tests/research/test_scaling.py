"""What composed autoscalers ask for, by hand-made views of the fleet."""

from __future__ import annotations

from glia_operator.research import design as designs
from glia_operator.research import ideas
from glia_sim.policy import fields, interpret


def answer(design: designs.Design, values: dict[str, float], **seen: float) -> float:
    """What the design's autoscaler wants of a fleet with these fields, all others 0."""
    policy = designs.compose(design, values, name="scaler")
    view = {field.name: 0.0 for field in fields.FLEET} | {name: float(value) for name, value in seen.items()}
    return interpret.wanted(policy, [], view)


def test_the_autoscaler_follows_requests_in_flight_and_held():
    design = designs.Design(autoscaler="proportional")
    assert answer(design, {"target": 30.0}, in_flight=100, held=50) == 5
    assert answer(design, {"target": 30.0}, in_flight=100, held=51) == 6


def test_two_thirds_of_the_demand_may_be_foreseen_from_the_arrival_rate():
    design = designs.Design(autoscaler="foreseen")
    values = {"target": 30.0, "stay_s": 20.0}
    assert answer(design, values, in_flight=90, arrivals_per_s_60s=4.5) == 3
    assert answer(design, values, in_flight=90, arrivals_per_s_60s=9.0) == 5
    assert answer(design, values, in_flight=180, arrivals_per_s_60s=4.5) == 4


def test_a_gentle_autoscaler_gives_back_one_replica_at_a_time_and_grows_at_once():
    gentle = designs.Design(autoscaler="proportional", gently=True)
    assert answer(gentle, {"target": 30.0}, in_flight=60, wanted=9) == 8
    assert answer(gentle, {"target": 30.0}, in_flight=300, wanted=4) == 10


def test_a_busy_spell_asks_at_once_and_what_it_asked_for_is_given_back_slowly():
    (spells,) = (idea for idea in ideas.IDEAS if idea.title == "busy spells are kept in mind")
    design, values = spells.change(designs.Design()), {"target": 30.0, "trend": 0.5}
    steady = {"in_flight": 150, "arrivals_per_s_60s": 9.0, "wanted": 5}
    assert answer(design, values, arrivals_per_s_10s=9.0, **steady) == 5
    assert answer(design, values, arrivals_per_s_10s=18.0, **steady) == 8
    assert answer(design, values, arrivals_per_s_10s=9.0, **(steady | {"wanted": 8})) == 7


def test_within_the_band_nothing_changes():
    held = designs.Design(autoscaler="proportional").with_hold("band")
    values = {"target": 30.0, "band": 0.5, "slack": 0.4}
    for in_flight, replicas in ((104, 4), (106, 5), (119, 5), (161, 5), (163, 6)):
        assert answer(held, values, in_flight=in_flight, wanted=5) == replicas


def test_patience_keeps_a_fleet_that_has_just_changed():
    patient = designs.Design(autoscaler="proportional").with_hold("patience")
    values = {"target": 30.0, "patience": 60.0}
    assert answer(patient, values, in_flight=60, wanted=5, since_scale_s=59) == 5
    assert answer(patient, values, in_flight=60, wanted=5, since_scale_s=60) == 2
    assert answer(patient, values, in_flight=240, wanted=5, since_scale_s=1) == 8


def test_falling_arrivals_never_make_an_autoscaler_fault():
    design = designs.Design(autoscaler="proportional").with_reserve("trend").with_reserve("spare")
    values = {"target": 30.0, "trend": 3.0, "spare": 2.0}
    assert answer(design, values, in_flight=300, arrivals_per_s_10s=0.0, arrivals_per_s_60s=9.0) < 0

"""Every composition of parts is a policy of the language, and says what it is."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from glia_operator.research import design as designs
from glia_operator.research import knob_table, parts, tuning
from glia_sim import fleet_file
from glia_sim.engine import run as runs
from glia_sim.policy import choose, document, fields, interpret
from glia_sim.policy import compile as programs
from glia_sim.workload import readers

BARE, WHOLE = ((), ""), (tuple(parts.TERMS), "proportional")
"""No term and no autoscaler; and all of them: terms and autoscalers know nothing of one another."""


@pytest.mark.parametrize(
    ("order", "admits", "held", "scheduler"),
    list(itertools.product(parts.ORDERS, (False, True), parts.HELD, ("", *parts.SCHEDULERS))),
)
def test_every_composition_passes_the_language_and_declares_what_it_reads(order, admits, held, scheduler):
    for (terms, autoscaler), room, balance in itertools.product((BARE, WHOLE), parts.ROOM, parts.BALANCES):
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


@pytest.fixture(scope="module")
def memory_bound():
    """More requests than four A10s have memory for."""
    return readers.read("synthetic:paper?requests=1500&rate=14&seed=3")


@pytest.mark.parametrize(("streaming_share", "least", "most"), [(0.0, 0.5, 0.9), (1.0, 0.98, 1.02)])
def test_who_runs_is_not_counted_twice_where_no_token_is_seen(streaming_share, least, most, memory_bound):
    machines = fleet_file.load("paper-a10x4-live")
    machines = dataclasses.replace(
        machines, clients=dataclasses.replace(machines.clients, streaming_share=streaming_share)
    )
    mean = {}
    for coming in parts.COMING:
        policy = designs.compose(
            designs.Design(admits=True, order="shortest", charge="reply", coming=coming), {}, name="held"
        )
        run = runs.simulate(machines, memory_bound, programs.compile(policy))
        assert run.policy_faults == 0
        mean[coming] = float((run.finish_s - run.arrival_s).mean())
    assert least < mean["unrun"] / mean["unstarted"] < most


def test_what_is_counted_as_coming_is_said():
    policy = designs.compose(designs.Design(admits=True, coming="unrun"), {}, name="held")
    assert parts.COMING["unrun"].why in policy.rationale
    assert document.loads(document.dumps(policy), place="held") == policy


@pytest.mark.parametrize(("admits", "gate"), list(itertools.product((False, True), parts.GATES)))
def test_a_gate_stands_beside_admission_and_says_what_it_keeps_out(admits, gate):
    policy = designs.compose(designs.Design(admits=admits, gate=gate), {}, name="gated")
    assert set(parts.GATES[gate].knobs) <= set(policy.parameters)
    assert policy.router.count("return BLOCK") == 1 + admits
    assert parts.GATES[gate].why in policy.rationale


@pytest.mark.parametrize(
    ("prompt_tokens", "kv_used", "answer"),
    [(3000, 1000, 0), (3000, 2200, choose.Hold.NEXT), (100, 2200, choose.Hold.STOP)],
)
def test_a_large_request_without_room_lets_the_next_be_tried_and_a_small_one_does_not(prompt_tokens, kv_used, answer):
    policy = designs.compose(designs.Design(admits=True, aside="large"), {"large": 0.05}, name="aside")
    request = dict.fromkeys((one.name for one in fields.REQUEST), 0.0) | {"prompt_tokens": prompt_tokens}
    place = {"kv_blocks": 2240, "block_size": 16, "in_flight": 1, "kv_used": kv_used, "max_seqs": 128}
    replica = dict.fromkeys((one.name for one in fields.REPLICA), 0.0) | place
    fleet = dict.fromkeys((one.name for one in fields.FLEET), 0.0) | {"serving": 1.0}
    assert choose.route(policy, request, [replica], fleet) == answer
    assert parts.ASIDE["large"].why in policy.rationale


def test_small_requests_wait_less_where_large_ones_stand_aside(memory_bound):
    machines, waits = fleet_file.load("paper-a10x4"), {}
    for aside in ("", "large"):
        policy = designs.compose(designs.Design(admits=True, aside=aside), {}, name="held")
        run = runs.simulate(machines, memory_bound, programs.compile(policy))
        assert (run.status == runs.FINISHED).all()
        waits[aside] = float((run.dispatch_s - run.arrival_s)[run.prompt_tokens < 300].mean())
    assert waits["large"] < 0.5 * waits[""]


def test_a_knob_on_a_logarithmic_scale_comes_back_from_its_place():
    for name, knob in knob_table.KNOBS.items():
        for value in (knob.low, knob.value, knob.high):
            place = tuning.position(knob, value)
            assert 0.0 <= place <= 1.0, name
            assert tuning.value_at(knob, place) == pytest.approx(value, rel=5e-3), name


def test_values_never_leave_their_bounds():
    for knob in knob_table.KNOBS.values():
        assert tuning.value_at(knob, -3.0) == knob.low
        assert tuning.value_at(knob, 7.0) == knob.high


@pytest.fixture(scope="module")
def prefills():
    """Two replicas that spend most of their time on prompts, kept busy."""
    return fleet_file.load("h100x8-70b"), readers.read("synthetic:prefill-heavy?requests=300&rate=7")


def test_a_gate_that_no_prompt_fits_through_still_lets_every_request_be_served(prefills):
    design = designs.Design(order="shortest", gate="prefill")
    program = programs.compile(designs.compose(design, {"backlog": knob_table.KNOBS["backlog"].low}, name="narrow"))
    run = runs.simulate(*prefills, program)
    assert (run.status == runs.FINISHED).all()
    assert run.policy_faults == 0


def test_a_gate_leaves_no_more_prompt_tokens_at_a_replica_than_it_says(prefills):
    program = programs.compile(designs.compose(designs.Design(gate="prefill"), {"backlog": 20_000}, name="gate"))
    run = runs.simulate(*prefills, program)
    for replica in (0, 1):
        mine = run.replica == replica
        for at in run.dispatch_s[mine]:
            there = mine & (run.dispatch_s <= at) & (run.first_token_s > at)
            assert run.prompt_tokens[there].sum() <= 20_000 or there.sum() == 1


def test_the_key_in_proportion_trades_the_length_of_a_prompt_for_arrivals():
    design = designs.Design(scheduler="in-proportion")
    policy = designs.compose(design, {"yielding": 100.0, "similar": 1.0}, name="key")

    def key(prompt_tokens, sequence):
        request = {"prompt_tokens": prompt_tokens, "waited_s": 0.0, "sequence": sequence, "u1": 0.0, "u2": 0.0}
        return interpret.priority(policy, request, [], {})

    assert key(100, 0) < key(1000, 0)
    assert key(100, 1000) > key(1000, 0)
    assert key(2718, 0) == pytest.approx(key(1000, 100), abs=2)

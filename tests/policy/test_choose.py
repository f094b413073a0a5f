"""The router's choice: the best score, SKIP and BLOCK, ties spread by the request's sequence number."""

from __future__ import annotations

import math

import pytest

from glia_sim.policy import choose, document, fields

SKIP, BLOCK = -math.inf, math.inf
NEXT, STOP = choose.Hold.NEXT, choose.Hold.STOP


@pytest.mark.parametrize(
    ("scores", "sequence", "expected"),
    [
        ([1, 3, 2], 0, 1),
        ([1, 3, 2], 7, 1),
        ([2, 2, 2], 0, 0),
        ([2, 2, 2], 1, 1),
        ([2, 2, 2], 5, 2),
        ([3, 2, 3], 1, 2),
        ([3, 2, 3], 0, 0),
        ([-0.0, 0.0], 0, 0),
        ([-0.0, 0.0], 1, 1),
        ([SKIP, SKIP], 0, NEXT),
        ([SKIP, BLOCK], 0, STOP),
        ([BLOCK, BLOCK], 3, STOP),
        ([BLOCK, -5, SKIP], 0, 1),
        ([], 4, NEXT),
    ],
)
def test_the_best_score_wins_and_ties_go_round(scores, sequence, expected):
    assert choose.choose(scores, sequence) == expected


def view(known: tuple[fields.Field, ...], **values: float) -> dict[str, float]:
    return dict.fromkeys((one.name for one in known), 0.0) | values


def replica(index: int, **values: float) -> dict[str, float]:
    return view(fields.REPLICA, index=index, kv_blocks=2240, block_size=16, in_flight=1, **values)


FLEET = view(fields.FLEET, serving=2)


def test_headroom_goes_to_the_replica_with_the_fewest_blocks_charged():
    policy = document.load("hra-spf")
    request = view(fields.REQUEST, prompt_tokens=100, sequence=0)
    pool = [replica(0, kv_used=1000), replica(1, kv_used=900, waiting_tokens=160)]
    assert choose.route(policy, request, pool, FLEET) == 1


def test_headroom_holds_everyone_when_nothing_fits():
    policy = document.load("hra-spf")
    request = view(fields.REQUEST, prompt_tokens=100)
    assert choose.route(policy, request, [replica(0, kv_used=2200), replica(1, kv_used=2200)], FLEET) is STOP
    assert choose.route(policy, request, [replica(0, kv_used=2200), replica(1, kv_used=2000)], FLEET) == 1


def test_headroom_admits_to_the_block():
    policy = document.load("hra-spf")
    request = view(
        fields.REQUEST, prompt_tokens=100
    )  # needs ceil(160 / 16) = 10 blocks; floor(0.03 * 2240) = 67 stay free
    alone = view(fields.FLEET, serving=1)
    assert choose.route(policy, request, [replica(0, kv_used=2240 - 67 - 10)], alone) == 0
    assert choose.route(policy, request, [replica(0, kv_used=2240 - 67 - 9)], alone) is STOP


def test_an_idle_replica_takes_what_fits_nowhere():
    policy = document.load("hra-spf")
    request = view(fields.REQUEST, prompt_tokens=30_000)
    idle = replica(1) | {"in_flight": 0}
    assert choose.route(policy, request, [replica(0), idle], FLEET) == 1


def test_the_shorter_queue_breaks_ties_of_headroom():
    policy = document.load("hra-spf")
    request = view(fields.REQUEST, prompt_tokens=100)
    assert choose.route(policy, request, [replica(0, waiting=3), replica(1, waiting=2)], FLEET) == 1
    assert choose.route(policy, request, [replica(0, waiting=900), replica(1, kv_used=1)], FLEET) == 0


def test_the_expert_is_eligible_up_to_2100_of_2240_blocks():
    policy = document.load("expert")
    request = view(fields.REQUEST, prompt_tokens=100)
    at, over = replica(0, committed_blocks=2100), replica(1, committed_blocks=2101)
    assert choose.route(policy, request, [at, over], FLEET) == 0
    assert choose.route(policy, request, [over, over], FLEET) is STOP


@pytest.mark.parametrize("name", ["random", "rr", "p2c"])
@pytest.mark.parametrize("serving", [1, 2, 3, 7])
def test_policies_with_a_hard_pick_strand_no_request(name, serving):
    policy, pool = document.load(name), [replica(index) for index in range(serving)]
    fleet = view(fields.FLEET, serving=serving)
    draws = [0.0, 0.001, 0.3, 0.5, 0.7, 1 - 2**-53, 1.0]
    for sequence, (u1, u2) in enumerate((u1, u2) for u1 in draws for u2 in draws):
        request = view(fields.REQUEST, sequence=sequence, u1=u1, u2=u2, prompt_tokens=10)
        assert choose.route(policy, request, pool, fleet) in range(serving)


def test_round_robin_takes_turns():
    policy, pool = document.load("rr"), [replica(index) for index in range(3)]
    fleet = view(fields.FLEET, serving=3)
    taken = [choose.route(policy, view(fields.REQUEST, sequence=k), pool, fleet) for k in range(6)]
    assert taken == [0, 1, 2, 0, 1, 2]


def test_elephants_have_a_house():
    policy, pool = document.load("elephant"), [replica(0, waiting=9), replica(1, waiting=0)]
    large, small = (view(fields.REQUEST, prompt_tokens=tokens) for tokens in (4000, 40))
    assert choose.route(policy, large, [pool[1] | {"index": 0}, pool[0] | {"index": 1}], FLEET) == 1
    assert choose.route(policy, small, pool, FLEET) == 0
    assert choose.route(policy, large, [pool[0]], view(fields.FLEET, serving=1)) == 0


def test_only_serving_replicas_are_chosen():
    pool = [replica(0, waiting=9), replica(1)]
    assert choose.route(document.load("llq"), view(fields.REQUEST), pool, view(fields.FLEET, serving=1)) == 0


def test_the_queue_is_tried_by_key_and_then_by_arrival():
    requests = [view(fields.REQUEST, prompt_tokens=tokens, sequence=k) for k, tokens in enumerate([50, 10, 50, 10])]
    assert choose.queue(document.load("hra-spf"), requests, [], FLEET) == [1, 3, 0, 2]
    assert choose.queue(document.load("llq"), requests, [], FLEET) == [0, 1, 2, 3]


def test_ageing_lets_a_long_prompt_pass():
    old = view(fields.REQUEST, prompt_tokens=2000, waited_s=300, sequence=0)
    new = view(fields.REQUEST, prompt_tokens=10, waited_s=0, sequence=1)
    assert choose.queue(document.load("hra-spf-aged"), [new, old], [], FLEET) == [1, 0]

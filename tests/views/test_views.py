"""Each field of a view has the value that its production source would give (docs/decisions/views.md).

The scene: A (9 prompt tokens) runs alone on replica 0 from second 0 and has a token every 0.125 s; B (21) runs on
replica 1 from 0.3125; C (5) reaches replica 0 at 0.515625, in the middle of a step, and waits. The look is at 0.53125.
"""

from __future__ import annotations

import pytest

from glia_sim import fleet

A, B, C = (0.0, 9, 8), (0.3125, 21, 4), (0.515625, 5, 3)
AT = 0.53125
STATIC = {"kv_blocks": 64, "block_size": 4, "max_seqs": 8, "gpu": 3, "draining": 0, "starting": 0}
BOOKS = ({"in_flight": 2, "started": 1, "waiting_tokens": 5, "committed_blocks": 4 + 2}, {"in_flight": 1, "started": 1})
BLIND = ({"in_flight": 2, "started": 0, "waiting_tokens": 14, "committed_blocks": 3 + 2}, {"committed_blocks": 6})
LIVE = (
    {"running": 1, "waiting": 1, "kv_used": 4, "step_ms": 125, "age_s": 0},
    {"running": 1, "waiting": 0, "kv_used": 6, "step_ms": 125, "age_s": 0},
)
# At 0.5, A's fifth step was not built yet and C had not come; B had no gap between tokens to tell of.
SCRAPED = (
    {"running": 1, "waiting": 0, "kv_used": 3, "step_ms": 125, "age_s": 0.03125},
    {"running": 1, "waiting": 0, "kv_used": 6, "step_ms": 0, "age_s": 0.03125},
)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(("streaming", "books"), [(1.0, BOOKS), (0.0, BLIND)])
@pytest.mark.parametrize(("views", "gauges"), [("perfect", LIVE), ("scraped", SCRAPED)])
def test_every_field_of_a_replica_comes_from_its_source(machines, look, views, gauges, streaming, books, asynchronous):
    shape = machines(views=views, streaming=streaming, async_scheduling=asynchronous)
    _, replicas, _ = look(shape, [A, B, C], AT)
    for index, row in enumerate(replicas):
        expected = {"index": index, **STATIC, **gauges[index], **books[index], "preempted": 0, "prefix_hit_tokens": 0}
        if asynchronous:  # the step after the one that runs holds its blocks already
            expected.pop("kv_used")
        assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_a_preempted_request_is_started_but_not_running(machines, look):
    """16 tokens of memory: at 0.625 both requests need a third block, and the last admitted starts over."""
    row = look(machines(num_blocks=5), [(0.0, 4, 10), (0.0, 4, 10)], 0.65)[1][0]
    wanted = {"started": 2, "running": 1, "waiting": 1, "preempted": 1, "kv_used": 3, "committed_blocks": 6}
    assert {name: row[name] for name in wanted} == wanted


def test_without_streaming_preemption_cannot_be_seen(machines, look):
    row = look(machines(num_blocks=5, streaming=0.0), [(0.0, 4, 10), (0.0, 4, 10)], 0.65)[1][0]
    assert (row["preempted"], row["started"], row["waiting_tokens"], row["committed_blocks"]) == (0, 0, 8, 2)


def test_the_largest_batch_is_the_smaller_of_both_limits(machines, look):
    assert look(machines(max_num_active_seqs=3), [], 0.0)[1][0]["max_seqs"] == 3


def test_a_prefix_is_thought_to_be_where_it_was_sent(machines, look):
    _, (first, second), _ = look(machines(), [(0.0, 12, 2)], 1.0, shared=7)
    assert (first["prefix_hit_tokens"], second["prefix_hit_tokens"]) == (7, 0)


def test_a_prefix_is_forgotten_after_one_cache_of_prompts(machines, look):
    """28 tokens of memory; only the first request and the probe share a prefix."""
    for prompts, hit in (([12, 15], 7), ([12, 15, 14], 0)):
        rows = [(float(k), prompt, 1) for k, prompt in enumerate(prompts)]
        row = look(machines(num_blocks=8), rows, 9.0, shared=7, alone=True)[1][0]
        assert row["prefix_hit_tokens"] == hit


def test_a_request_is_seen_as_it_arrived_at_its_picker(machines, look):
    request, _, _ = look(machines(), [A, B, C], AT)
    assert (request["prompt_tokens"], request["waited_s"], request["sequence"]) == (7, 0, 3)


def test_draws_are_split_mix_64_of_the_request_id(machines, look):
    """0xE220A8397B1DCDAF is the first number of the published generator seeded with 0."""
    request, _, _ = look(machines(), [], 0.0)
    assert request["u1"] == (0xE220A8397B1DCDAF >> 11) / 2**53
    assert 0.0 <= request["u2"] < 1.0
    assert request["u2"] != request["u1"]


def test_the_fleet_is_counted_from_the_pickers_books(machines, look):
    _, _, seen = look(machines(), [A, B, C], AT)
    wanted = {"serving": 2, "starting": 0, "draining": 0, "wanted": 2, "held": 1, "in_flight": 3}
    rates = {"arrivals_per_s_10s": 4, "arrivals_per_s_60s": 4, "prompt_tokens_per_s_60s": 9 + 21 + 5 + 7}
    assert {name: seen[name] for name in wanted | rates} == pytest.approx(wanted | rates)
    assert seen["since_scale_s"] == AT


def test_rates_forget_what_left_their_windows(machines, look):
    _, _, seen = look(machines(), [A, (30.0, 5, 1), (75.0, 5, 1)], 80.0)
    assert seen["arrivals_per_s_10s"] == pytest.approx(2 / 10)
    assert seen["arrivals_per_s_60s"] == pytest.approx(3 / 60)
    assert seen["prompt_tokens_per_s_60s"] == pytest.approx((5 + 5 + 7) / 60)


def test_pickers_know_their_own_requests_only(machines, look):
    """Requests are dealt in turn: A and C to the first picker, B and the probe to the second."""
    request, replicas, seen = look(machines(pickers=2), [A, B, C], AT)
    assert request["sequence"] == 1
    assert (seen["in_flight"], seen["held"], seen["arrivals_per_s_10s"]) == (1, 1, 2)
    assert [row["in_flight"] for row in replicas] == [0, 1]
    assert [row["running"] for row in replicas] == [1, 1]


OUTPUTS = {"output_mean": 3, "output_p50": 3.5, "output_p90": 4.7, "output_p99": 4.97}


@pytest.mark.parametrize(("views", "at", "known"), [("perfect", 2.0, 1), ("scraped", 2.0, 0), ("scraped", 15.1, 1)])
def test_output_lengths_come_from_telemetry_of_completed_requests(machines, look, views, at, known):
    """One request of 3 tokens lies in the bucket from 2 to 5; scraped telemetry is read every 15 s."""
    _, _, seen = look(machines(views=views), [(0.0, 9, 3)], at)
    expected = OUTPUTS if known else dict.fromkeys(OUTPUTS, 256)
    assert {name: seen[name] for name in OUTPUTS} == pytest.approx(expected)


SCALER = fleet.Autoscaler(min_replicas=1, max_replicas=3, interval_s=0.25, startup_s=2.0)


@pytest.mark.parametrize(("at", "serving", "starting"), [(0.3125, 1, 2), (2.3125, 3, 0)])
def test_replicas_that_start_are_seen_before_they_serve(machines, look, at, serving, starting):
    _, replicas, seen = look(machines(count=1, scaler=SCALER), [A], at, wish=3)
    assert (seen["serving"], seen["starting"], seen["wanted"]) == (serving, starting, 3)
    assert seen["since_scale_s"] == 0.0625
    assert [row["starting"] for row in replicas] == [0.0] * serving + [1.0] * starting


def test_a_replica_that_drains_is_seen_until_its_last_request_ends(machines, look):
    _, replicas, seen = look(machines(scaler=SCALER), [A, (0.0, 21, 8)], 0.3125, wish=1)
    assert (seen["serving"], seen["draining"], seen["wanted"]) == (1, 1, 1)
    assert [row["draining"] for row in replicas] == [0, 1]
    assert replicas[1]["in_flight"] == 1
    assert look(machines(scaler=SCALER), [A, (0.0, 21, 8)], 1.5, wish=1)[2]["draining"] == 0


def test_before_its_first_scrape_a_picker_sees_nothing_as_old_as_the_trace(machines, look):
    """The second of two pickers scrapes half an interval later."""
    _, (row, _), _ = look(machines(views="scraped", pickers=2), [(100.0, 9, 8)], 100.0625)
    assert (row["running"], row["kv_used"], row["age_s"]) == (0, 0, 0.0625)

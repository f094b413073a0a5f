"""A scorecard says what docs/scoring.md says it does."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glia_sim import score
from glia_sim.engine import layout

EDGES = layout.ITL_EDGES_S


def histogram(gaps: np.ndarray) -> np.ndarray:
    return np.histogram(gaps, EDGES)[0].astype(np.float64)


def test_every_measure_is_taken_from_its_own_two_times(make):
    card = make.card([4.0, 8.0])
    assert card.e2e.mean == 6.0
    assert card.ttft.mean == 3.0
    assert card.queue.mean == 1.5
    assert card.slowdown.mean == 12.0


def test_quantiles_interpolate_linearly_between_order_statistics(make):
    card = make.card([float(second) for second in range(1, 102)])
    assert (card.e2e.p50, card.e2e.p90, card.e2e.p95, card.e2e.p99) == pytest.approx((51, 91, 96, 100))


def test_totals(make):
    card = make.card([4.0, 8.0, 2.0, 2.0], preemptions=np.array([0, 3, 1, 0]))
    assert (card.requests, card.failed, card.restarts, card.restarted_share) == (4, 0, 4, 0.5)
    assert card.throughput_rps == 4 / 1000
    assert card.tokens_per_s == 400 / 1000
    assert (card.gpu_hours, card.served_gpu_hours, card.kv_used_mean) == (2.0, 2.0, 0.5)


class TestFailedRequests:
    """A failed request leaves the latencies but never improves a mark."""

    def test_it_is_counted_and_left_out_of_the_latencies(self, make):
        card = make.card([4.0, 8.0, 6.0], failed=(1,))
        assert (card.failed, card.failed_share) == (1, 1 / 3)
        assert card.e2e.mean == 5.0
        assert card.throughput_rps == 2 / 1000
        assert card.tokens_per_s == 200 / 1000

    def test_it_is_charged_the_whole_run(self, make):
        charged = make.card([4.0, 8.0, 6.0], failed=(1,)).charged
        assert charged.e2e.mean == pytest.approx((4 + 1000 + 6) / 3)
        assert charged.ttft.mean == pytest.approx((2 + 1000 + 3) / 3)
        assert charged.slowdown.mean == pytest.approx((8 + 2000 + 12) / 3)

    def test_it_makes_the_rest_dearer(self, make):
        assert make.card([1.0] * 4, failed=(0, 1)).served_gpu_hours == 4.0

    def test_without_one_the_charged_marks_are_the_marks(self, make):
        card = make.card([4.0, 8.0, 6.0])
        assert card.charged.e2e == card.e2e
        assert card.charged.slowdown == card.slowdown

    @given(st.lists(st.floats(0.1, 999), min_size=2, max_size=20), st.data())
    def test_dropping_one_never_lowers_the_charged_mean(self, make, e2e, data):
        dropped = data.draw(st.integers(0, len(e2e) - 1))
        assert make.card(e2e, failed=(dropped,)).charged.e2e.mean >= make.card(e2e).charged.e2e.mean

    def test_a_run_in_which_all_fail_has_no_latencies_and_no_bargain(self, make):
        card = make.card([4.0, 8.0], failed=(0, 1))
        assert math.isnan(card.e2e.mean)
        assert card.charged.e2e.p50 == 1000
        assert card.served_gpu_hours == math.inf
        assert card.throughput_rps == 0


class TestInterTokenLatency:
    """Gaps come from a histogram whose buckets are at most 1.6 % wide."""

    @pytest.mark.parametrize("scale", [1e-3, 0.05, 3.0])
    def test_quantiles_are_within_the_resolution(self, scale):
        gaps = scale * np.random.default_rng(0).lognormal(0, 1, 50_000)
        found, exact = score.histogram_quantiles(histogram(gaps)), score.quantiles(gaps)
        for name in ("mean", "p50", "p90", "p95", "p99"):
            assert getattr(found, name) == pytest.approx(getattr(exact, name), rel=0.016)

    def test_two_far_clusters_are_not_blurred_into_each_other(self):
        found = score.histogram_quantiles(histogram(np.array([0.01] * 80 + [5.0] * 20)))
        assert found.p50 == pytest.approx(0.01, rel=0.016)
        assert found.p90 == pytest.approx(5.0, rel=0.016)

    def test_one_gap_is_all_of_its_quantiles(self):
        found = score.histogram_quantiles(histogram(np.array([0.04])))
        assert (found.p50, found.p99) == pytest.approx((0.04, 0.04), rel=0.016)

    def test_no_gap_is_no_number(self):
        assert math.isnan(score.histogram_quantiles(histogram(np.empty(0))).p50)


class TestPooling:
    """Several runs pool into one card as if their requests had been one run's."""

    def test_one_run_pooled_is_its_own_card(self, make):
        one = make.run([4.0, 8.0, 6.0], failed=(1,))
        assert score.as_json(score.pool([score.record(one)])) == score.as_json(score.card(one))

    @pytest.mark.parametrize("failed", [(), (1,)])
    def test_what_is_asked_for_is_the_same_and_the_rest_unknown(self, make, failed):
        records = [score.record(make.run([4.0, 8.0, 6.0], failed=failed)), score.record(make.run([1.0, 2.0]))]
        whole, part = score.pool(records), score.pool(records, {"e2e"})
        assert (part.e2e, part.charged.e2e) == (whole.e2e, whole.charged.e2e)
        assert math.isnan(part.charged.slowdown.mean)
        assert math.isnan(part.itl.p50)
        assert (part.failed, part.gpu_hours, part.throughput_rps) == (
            whole.failed,
            whole.gpu_hours,
            whole.throughput_rps,
        )

    def test_quantiles_are_those_of_all_requests(self, make):
        runs = [make.run([1.0, 2.0]), make.run([3.0, 4.0, 50.0])]
        pooled = score.pool([score.record(one) for one in runs])
        assert pooled.e2e == score.quantiles(np.array([1.0, 2.0, 3.0, 4.0, 50.0]))
        assert pooled.requests == 5

    def test_totals_add_up_and_use_is_weighted_by_time(self, make):
        runs = [
            make.run([1.0], makespan_s=100.0, kv_used_mean=1.0, policy_faults=2),
            make.run([1.0], makespan_s=300.0, kv_used_mean=0.0),
        ]
        pooled = score.pool([score.record(one) for one in runs])
        assert (pooled.makespan_s, pooled.gpu_hours, pooled.policy_faults) == (400.0, 4.0, 2)
        assert pooled.kv_used_mean == 0.25
        assert pooled.throughput_rps == 2 / 400


def test_a_metric_is_found_by_its_dotted_name(make):
    card = make.card([4.0, 8.0])
    assert card.value("e2e.mean") == card.e2e.mean
    assert card.value("charged.slowdown.p95") == card.charged.slowdown.p95
    assert card.value("failed_share") == 0


def test_json_has_null_where_there_is_no_number(make):
    content = score.as_json(make.card([4.0], failed=(0,)))
    assert content["e2e"]["mean"] is None
    assert content["charged"]["e2e"]["mean"] == 1000
    assert json.loads(json.dumps(content, allow_nan=False)) == content

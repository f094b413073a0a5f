"""Resampled traces look like the original: rows stay whole, neighbours stay together, seeds decide everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glia_sim.workload import readers, resample, synthetic, trace


def numbered(count: int) -> trace.Workload:
    """Rows that tell who they are: row r has r + 1 output tokens and a gap of r + 1 milliseconds behind it."""
    numbers = np.arange(1, count + 1, dtype=np.int64)
    arrival_s = np.concatenate((np.zeros(1), np.cumsum(numbers[:-1] / 1000)))
    return trace.plain("numbered", arrival_s, numbers + 10, numbers)


def dispersion(workload: trace.Workload, window_s: float = 10.0) -> float:
    """Variance over mean of arrivals per window: 1 for Poisson, more for bursts."""
    counts = np.histogram(workload.arrival_s, np.arange(0.0, workload.duration_s, window_s))[0]
    return float(counts.var() / counts.mean())


@settings(max_examples=50)
@given(count=st.integers(1, 400), seed=st.integers(0, 2**62), block=st.integers(1, 100))
def test_rows_keep_their_gap_their_lengths_and_their_neighbour(count, seed, block):
    source = numbered(count)
    drawn = resample.stationary(source, seed, block=block)
    assert drawn.requests == count
    assert drawn.arrival_s[0] == 0.0
    rows = drawn.output_tokens - 1
    assert np.array_equal(drawn.prompt_tokens, rows + 11)
    gaps = np.diff(drawn.arrival_s)
    own = np.append(np.diff(source.arrival_s), np.diff(source.arrival_s).mean() if count > 1 else 0.0)
    assert gaps == pytest.approx(own[rows[:-1]], abs=1e-9)


def test_blocks_have_the_mean_length_asked_for():
    drawn = resample.stationary(numbered(100_000), 5, block=40)
    rows = drawn.output_tokens - 1
    breaks = np.count_nonzero((rows[1:] - rows[:-1]) % 100_000 != 1)
    assert 100_000 / breaks == pytest.approx(40, rel=0.1)


def test_every_row_is_as_likely_as_any_other():
    counts = np.zeros(200)
    for seed in range(400):
        counts += np.bincount(resample.stationary(numbered(200), seed, block=10).output_tokens - 1, minlength=200)
    assert counts.mean() == 400
    assert abs(counts - 400).max() < 6 * np.sqrt(400 * 20)


def test_the_default_block_is_a_twentieth_of_the_trace_within_bounds():
    assert [resample.mean_block(count) for count in (1, 30, 500, 4000)] == [1, 30, 50, 200]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    source = synthetic.make("synthetic:shared-prefix?requests=500")
    assert resample.stationary(source, 7).digest == resample.stationary(source, 7).digest
    assert resample.stationary(source, 7).digest != resample.stationary(source, 8).digest


def test_groups_keep_their_prefixes():
    source = synthetic.make("synthetic:shared-prefix?requests=2000")
    drawn = resample.stationary(source, 1)
    assert set(drawn.chain_ids) <= set(source.chain_ids)
    assert np.array_equal(np.diff(drawn.chain_offsets), np.ones(2000))
    assert (drawn.shared_tokens <= drawn.prompt_tokens).all()


def test_content_of_its_own_is_renewed_where_a_row_is_drawn_again():
    count = 50
    base = numbered(count)
    ids = np.stack((np.zeros(count, np.int64), np.arange(1, count + 1)), axis=1).ravel()
    source = replace(
        base,
        chunk_tokens=512,
        chain_offsets=np.arange(0, 2 * count + 1, 2),
        chain_ids=ids,
        shared_tokens=base.prompt_tokens,
    )
    drawn = resample.stationary(source, 3)
    common, own = drawn.chain_ids[::2], drawn.chain_ids[1::2]
    assert (common == 0).all()
    assert len(np.unique(own)) == count
    rows = drawn.output_tokens
    _, first = np.unique(rows, return_index=True)
    assert np.array_equal(own[first], rows[first])


def test_the_share_of_repeated_prefixes_survives(data_dir):
    def share(workload: trace.Workload) -> float:
        return 1 - len(np.unique(workload.chain_ids)) / len(workload.chain_ids)

    source = readers.read(data_dir / "mooncake_conversation_trace.jsonl")
    drawn = [share(resample.stationary(source, seed)) for seed in range(5)]
    assert np.mean(drawn) == pytest.approx(share(source), abs=0.04)


def test_burstiness_survives(data_dir):
    source = readers.read(data_dir / "AzureLLMInferenceTrace_conv.csv")
    drawn = [dispersion(resample.stationary(source, seed)) for seed in range(10)]
    assert np.mean(drawn) == pytest.approx(dispersion(source), rel=0.2)
    shuffled = [dispersion(resample.stationary(source, seed, block=1)) for seed in range(10)]
    assert np.mean(shuffled) < 0.5 * dispersion(source)


class TestBurstier:
    """The burstier trace: same requests, same duration, busy spells at three times the rate of quiet ones."""

    def test_requests_and_duration_are_kept(self):
        source = synthetic.make("synthetic:chat-poisson?requests=3000")
        burst = resample.burstier(source, 4)
        assert np.array_equal(burst.prompt_tokens, source.prompt_tokens)
        assert burst.arrival_s[0] == source.arrival_s[0]
        assert burst.duration_s == pytest.approx(source.duration_s)
        assert (np.diff(burst.arrival_s) >= 0).all()

    def test_gaps_shrink_or_grow_by_a_contrast_of_three(self):
        source = synthetic.make("synthetic:chat-poisson?requests=3000")
        factors = np.diff(resample.burstier(source, 4).arrival_s) / np.diff(source.arrival_s)
        low, high = factors.min(), factors.max()
        assert high / low == pytest.approx(3.0, rel=1e-3)
        assert np.isclose(factors, low, rtol=1e-3).sum() + np.isclose(factors, high, rtol=1e-3).sum() == 2999

    def test_a_poisson_stream_is_poisson_no_longer(self):
        source = synthetic.make("synthetic:chat-poisson?requests=20000")
        assert dispersion(source) < 2
        assert dispersion(resample.burstier(source, 4)) > 8

    def test_the_seed_decides(self):
        source = synthetic.make("synthetic:paper?requests=500")
        assert resample.burstier(source, 1).digest == resample.burstier(source, 1).digest
        assert resample.burstier(source, 1).digest != resample.burstier(source, 2).digest

    def test_requests_that_all_arrive_at_once_stay_so(self):
        ones = np.ones(3, np.int64)
        source = trace.plain("at once", np.zeros(3), ones, ones)
        assert resample.burstier(source, 1) is source


def minutes(workload: trace.Workload) -> np.ndarray:
    """Arrivals in each sixtieth of an hour."""
    return np.histogram(workload.arrival_s, 60, (0, 3600))[0]


@pytest.fixture(scope="module")
def hour() -> trace.Workload:
    """A load that varies over an hour."""
    return synthetic.make("synthetic:variable-hour")


@pytest.mark.parametrize("address", ["paper", "paper?requests=1000", "chat-poisson", "prefill-heavy", "shared-prefix"])
def test_bursts_at_one_rate_are_not_taken_for_a_curve(address):
    seeded = f"synthetic:{address}{'&' if '?' in address else '?'}seed="
    assert not any(resample.follows_curve(synthetic.make(f"{seeded}{seed}")) for seed in range(30))


def test_a_curve_is_seen_and_seen_again_in_what_is_drawn(hour):
    assert resample.follows_curve(hour)
    assert resample.follows_curve(synthetic.make("synthetic:diurnal"))
    assert all(resample.follows_curve(resample.like(hour, seed)) for seed in range(5))


def test_the_recorded_hour_follows_a_curve_and_the_papers_trace_does_not(data_dir):
    assert resample.follows_curve(readers.read(data_dir / "AzureLLMInferenceTrace_conv.csv"))
    assert not resample.follows_curve(readers.read(data_dir / "sharegpt_12.0.csv"))
    assert not resample.follows_curve(readers.read(data_dir / "mooncake_conversation_trace.jsonl"))


def test_few_requests_cannot_tell_a_curve():
    assert not resample.follows_curve(synthetic.make("synthetic:diurnal?requests=999"))
    assert not resample.follows_curve(trace.plain("one", np.zeros(1), np.ones(1, np.int64), np.ones(1, np.int64)))


def test_a_trace_of_one_rate_is_drawn_as_ever():
    paper = synthetic.make("synthetic:paper")
    assert resample.like(paper, 7).digest == resample.stationary(paper, 7).digest


def test_the_mean_of_many_draws_in_place_is_the_curve_and_no_draw_is_the_trace(hour):
    drawn = [resample.in_place(hour, seed) for seed in range(40)]
    mean = np.mean([minutes(one) for one in drawn], axis=0)
    reach = np.convolve(np.pad(minutes(hour), 2, mode="edge"), np.ones(5) / 5, mode="valid")
    assert mean[2:-2] == pytest.approx(reach[2:-2], rel=0.1)
    assert len({one.digest for one in (*drawn, hour)}) == 41


def test_drawn_in_place_rows_stay_whole_and_move_by_at_most_two_blocks(hour):
    source = replace(hour, priority=np.arange(hour.requests))
    drawn = resample.in_place(source, 3)
    rows = drawn.priority
    assert np.array_equal(drawn.prompt_tokens, source.prompt_tokens[rows])
    assert np.array_equal(drawn.output_tokens, source.output_tokens[rows])
    assert np.all(np.diff(drawn.arrival_s) >= 0)
    moved = np.abs(drawn.arrival_s - (source.arrival_s[rows] - source.arrival_s[0]))
    block_s = source.duration_s / 60
    assert moved.max() <= 2 * block_s * 1.001
    assert moved.mean() > block_s / 2


def test_the_same_seed_draws_the_same_bytes_in_place(hour):
    assert resample.in_place(hour, 5).digest == resample.in_place(hour, 5).digest

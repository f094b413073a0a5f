"""Synthetic workloads have the statistics that docs/traces.md promises, and their address decides every byte."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from glia_sim import faults
from glia_sim.workload import synthetic


def many(name: str, seeds: int = 10, **values: float) -> list[synthetic.trace.Workload]:
    query = "".join(f"&{key}={value}" for key, value in values.items())
    return [synthetic.make(f"synthetic:{name}?seed={seed}{query}") for seed in range(seeds)]


@pytest.fixture(scope="module")
def traces():
    return many("paper", seeds=20)


class TestPaper:
    """The workload of the published router numbers."""

    @pytest.mark.parametrize(("level", "tokens"), [(0.5, 76), (0.9, 836), (0.99, 3220)])
    def test_prompt_quantiles(self, traces, level, tokens):
        prompts = np.concatenate([one.prompt_tokens for one in traces])
        assert np.quantile(prompts, level) == pytest.approx(tokens, rel=0.03)

    @pytest.mark.parametrize(("level", "tokens"), [(0.5, 243), (0.9, 628), (0.99, 4080)])
    def test_output_quantiles(self, traces, level, tokens):
        outputs = np.concatenate([one.output_tokens for one in traces])
        assert np.quantile(outputs, level) == pytest.approx(tokens, rel=0.05)

    def test_means(self, traces):
        assert np.mean([one.prompt_tokens.mean() for one in traces]) == pytest.approx(295, rel=0.03)
        assert np.mean([one.output_tokens.mean() for one in traces]) == pytest.approx(362, rel=0.03)

    def test_prompts_say_nothing_about_outputs(self, traces):
        prompts = np.log(np.concatenate([one.prompt_tokens for one in traces]))
        outputs = np.log(np.concatenate([one.output_tokens for one in traces]))
        assert abs(np.corrcoef(prompts, outputs)[0, 1]) < 0.02

    def test_gaps_are_log_normal_with_sigma_2_and_as_bursty_as_the_original(self, traces):
        gaps = [np.diff(one.arrival_s) for one in traces]
        logs = np.log(np.concatenate([gap[gap > 0] for gap in gaps]))
        assert logs.std() == pytest.approx(2.0, rel=0.02)
        assert np.median([gap.std() / gap.mean() for gap in gaps]) == pytest.approx(5.0, rel=0.15)

    def test_no_request_outgrows_the_models_context(self, traces):
        assert max((one.prompt_tokens + one.output_tokens).max() for one in traces) <= 8192

    def test_like_the_recorded_trace(self, traces, data_dir):
        recorded = np.loadtxt(data_dir / "sharegpt_12.0.csv", delimiter=",", skiprows=1)
        for column, name in ((1, "prompt_tokens"), (2, "output_tokens")):
            made = np.concatenate([getattr(one, name) for one in traces])
            levels = np.array([0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98])
            assert np.quantile(made, levels) == pytest.approx(np.quantile(recorded[:, column], levels), rel=0.06)


@pytest.mark.parametrize("name", synthetic.names())
class TestEveryGenerator:
    """What holds for all of them."""

    def test_it_makes_a_sound_workload_at_the_rate_asked_for(self, name):
        made = synthetic.make(f"synthetic:{name}?requests=3000&rate=4&seed=11")
        assert made.requests == 3000
        assert made.arrival_s[0] == 0.0
        assert (np.diff(made.arrival_s) >= 0).all()
        assert made.requests / made.duration_s == pytest.approx(4, rel=0.02)
        assert min(made.prompt_tokens.min(), made.output_tokens.min()) >= 1
        assert (made.shared_tokens <= made.prompt_tokens).all()

    def test_the_address_decides_every_byte(self, name):
        address = f"synthetic:{name}?requests=200"
        assert synthetic.make(address).digest == synthetic.make(address).digest
        assert synthetic.make(address).digest != synthetic.make(f"{address}&seed=1").digest

    def test_one_request_is_enough(self, name):
        assert synthetic.make(f"synthetic:{name}?requests=1").requests == 1


def test_another_process_makes_the_same_bytes():
    script = "from glia_sim.workload import synthetic; print(synthetic.make('synthetic:diurnal?seed=5').digest)"
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    assert synthetic.make("synthetic:diurnal?seed=5").digest == there


def test_the_conversation_has_its_published_means():
    traces = many("chat-poisson")
    assert np.mean([one.prompt_tokens.mean() for one in traces]) == pytest.approx(1150, rel=0.02)
    assert np.mean([one.output_tokens.mean() for one in traces]) == pytest.approx(211, rel=0.02)
    gaps = np.concatenate([np.diff(one.arrival_s) for one in traces])
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, rel=0.03)


def test_prefill_heavy_prompts_dwarf_the_outputs():
    for one in many("prefill-heavy", seeds=3):
        assert one.prompt_tokens.sum() > 25 * one.output_tokens.sum()


def test_shared_prefixes_are_one_length_per_group_and_the_first_group_the_most_popular():
    made = synthetic.make("synthetic:shared-prefix?requests=20000")
    for group in range(5):
        assert len(np.unique(made.shared_tokens[made.chain_ids == group])) == 1
    counts = np.bincount(made.chain_ids)
    assert counts.argmax() == 0
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.2)


def test_the_diurnal_rate_swings_between_three_tenths_and_seventeen_tenths():
    made = synthetic.make("synthetic:diurnal?requests=100000&rate=10")
    counts = np.histogram(made.arrival_s, 40, (0, 10_000))[0] / 250
    assert counts.min() == pytest.approx(3, rel=0.15)
    assert counts.max() == pytest.approx(17, rel=0.05)
    assert abs(np.argmax(counts[:20]) - 10) <= 1
    assert counts[:20] == pytest.approx(counts[20:], rel=0.2)


def test_the_variable_hour_follows_the_documented_curve_over_an_hour():
    made = synthetic.make("synthetic:variable-hour")
    assert made.requests == 38_700
    assert made.duration_s == pytest.approx(3600, rel=0.01)
    per_minute = np.histogram(made.arrival_s, 60, (0, 3600))[0] / 60 / 10.75
    middles = np.arange(60) / 5 + 0.1
    assert per_minute == pytest.approx(np.interp(middles, np.arange(13), synthetic.HOUR) / 0.98, abs=0.15)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("synthetic:papr", "did you mean synthetic:paper"),
        ("synthetic:", "known names: paper"),
        ("synthetic:paper?sead=1", "'sead' is not a parameter; parameters are seed, requests, rate"),
        ("synthetic:paper?seed=x", "seed is 'x', not a number"),
        ("synthetic:paper?seed=-1", "seed is -1"),
        ("synthetic:paper?seed=0.5", "seed is 0.5"),
        ("synthetic:paper?requests=0", "requests is 0"),
        ("synthetic:paper?requests=1e12", "requests is 1000000000000"),
        ("synthetic:paper?requests=nan", "requests is nan"),
        ("synthetic:paper?rate=0", "rate is 0"),
        ("synthetic:paper?rate=inf", "rate is inf"),
        ("synthetic:paper?rate=", "rate is '', not a number"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused(address, words):
    with pytest.raises(faults.InputFault, match=words):
        synthetic.make(address)

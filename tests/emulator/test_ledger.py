"""What the metrics count, told on a clock of our own."""

from __future__ import annotations

import math

import numpy as np
import pytest

from glia_operator.emulator import asks


def _drain(core):
    while core.due < math.inf:
        core.advance(core.due)


def _value(core, name, label=""):
    return core.page.number(f"vllm:{name}", label).value


def _histogram(core, name):
    return core.page.histogram(f"vllm:{name}")


@pytest.fixture
def crowded(configure, virtual):
    """A core after a load that preempts, aborts and hits the prefix cache, and the sessions that ended."""
    core, ask = virtual(configure(engine={"num_blocks": 25, "max_num_seqs": 16, "max_model_len": 300}))
    chance = np.random.default_rng(5)
    sessions = []
    for k, t in enumerate(np.cumsum(chance.exponential(0.05, 150))):
        one = ask(
            float(t),
            prompt_tokens=int(chance.integers(20, 150)),
            max_tokens=int(chance.integers(1, 120)),
            first=1000 * (k % 3),
        )
        sessions.append(one)
        if k % 10 == 9:
            core.close(float(t) + 1e-3, sessions[k - 3])
    _drain(core)
    return core, sessions


def test_sums_and_counts_agree_after_preemptions_and_aborts(crowded):
    core, sessions = crowded
    finished = [one for one in sessions if one.delivered == one.ask.output_tokens]
    aborted = [one for one in sessions if one.delivered < one.ask.output_tokens]
    started = [one for one in sessions if one.delivered > 0]
    count = len(finished)
    assert aborted
    assert sum(one.preemptions for one in finished) > 10
    assert _value(core, "request_success", "length") == count
    for name in ("e2e_request_latency", "request_queue_time", "request_inference_time", "request_decode_time"):
        assert _histogram(core, f"{name}_seconds").count == count
    assert _histogram(core, "request_prompt_tokens").total == sum(len(one.ask.prompt) for one in finished)
    assert _histogram(core, "request_generation_tokens").total == sum(one.delivered for one in finished)
    assert _histogram(core, "request_num_preemptions").total == sum(one.preemptions for one in finished)
    generated = sum(one.delivered for one in sessions)
    prompts = sum(len(one.ask.prompt) for one in started)
    assert _value(core, "generation_tokens") == generated
    assert _value(core, "prompt_tokens") == prompts
    assert _histogram(core, "time_to_first_token_seconds").count == len(started)
    assert _histogram(core, "inter_token_latency_seconds").count == generated - len(started)
    assert _histogram(core, "iteration_tokens_total").total == generated + prompts
    assert _value(core, "num_preemptions") == sum(one.preemptions_counted for one in sessions)


def test_times_add_up(crowded):
    core, _ = crowded
    total = {
        name: _histogram(core, f"{name}_seconds").total
        for name in (
            *("e2e_request_latency", "request_queue_time", "request_inference_time"),
            *("request_prefill_time", "request_decode_time"),
        )
    }
    assert total["request_queue_time"] + total["request_inference_time"] == pytest.approx(total["e2e_request_latency"])
    assert total["request_prefill_time"] + total["request_decode_time"] == pytest.approx(
        total["request_inference_time"]
    )


def test_cached_tokens_agree_wherever_they_are_counted(crowded):
    core, sessions = crowded
    cached = sum(one.cached for one in sessions)
    computed = _histogram(core, "request_prefill_kv_computed_tokens").total
    finished = [one for one in sessions if one.delivered == one.ask.output_tokens]
    assert cached > 0
    assert _value(core, "prefix_cache_hits") == _value(core, "prompt_tokens_cached_by_source", "device") == cached
    assert _value(core, "prompt_tokens_by_source", "local_cache_hit") == _value(core, "prompt_tokens_cached")
    by_source = [_value(core, "prompt_tokens_by_source", name) for name in ("local_compute", "local_cache_hit")]
    assert sum(by_source) == _value(core, "prompt_tokens")
    assert computed == sum(len(one.ask.prompt) - one.cached for one in finished)


def test_an_idle_server_shows_that_it_is_idle(crowded):
    core, _ = crowded
    for name in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc"):
        assert _value(core, name) == 0.0
    assert core.live == 0


def test_a_preemption_is_counted_when_its_victim_next_emits_a_token(configure, virtual):
    core, ask = virtual(configure(engine={"num_blocks": 9, "max_model_len": 128}))
    ask(0.0, prompt_tokens=60, max_tokens=60)
    victim = ask(0.0, prompt_tokens=60, max_tokens=20, first=5000)
    while not core._engine.record(victim.number)["preemptions"]:
        core.advance(core.due)
    assert _value(core, "num_preemptions") == 0.0
    delivered = victim.delivered
    while victim.delivered == delivered:
        assert _value(core, "num_preemptions") == 0.0
        core.advance(core.due)
    assert _value(core, "num_preemptions") == 1.0


def test_requests_that_still_wait_are_missing_from_ttft(configure, virtual):
    core, ask = virtual(configure(engine={"max_num_seqs": 1}))
    ask(0.0, max_tokens=50)
    ask(0.0, max_tokens=50)
    core.advance(0.2)
    assert _histogram(core, "time_to_first_token_seconds").count == 1
    assert _value(core, "num_requests_waiting") == 1.0
    assert _value(core, "num_requests_waiting_by_reason", "capacity") == 1.0


def test_a_chunked_prompt_counts_as_a_whole_at_its_first_token(configure, virtual):
    core, ask = virtual(configure(engine={"max_num_batched_tokens": 64, "max_num_seqs": 8}))
    ask(0.0, prompt_tokens=500, max_tokens=2)
    core.advance(0.0051)
    assert _value(core, "num_requests_running") == 1.0
    assert _value(core, "prompt_tokens") == 0.0
    _drain(core)
    steps = _histogram(core, "iteration_tokens_total")
    assert (steps.count, steps.total) == (2, 502.0)


def test_gauges_show_the_queue_that_the_last_step_saw(configure, virtual):
    core, ask = virtual(configure(engine={"max_num_seqs": 1}))
    ask(0.0, max_tokens=9)
    assert _value(core, "num_requests_running") == 0.0
    ask(0.001)
    core.advance(0.0051)
    assert (_value(core, "num_requests_running"), _value(core, "num_requests_waiting")) == (1.0, 0.0)
    core.advance(0.0101)
    assert _value(core, "num_requests_waiting") == 1.0


def test_a_full_queue_is_counted_by_its_reason(configure, virtual):
    core, ask = virtual(configure(max_queued_requests=2, max_queued_tokens=50))
    ask(0.0, prompt_tokens=30)
    for tokens, reason in ((21, "max_num_queued_tokens"), (20, None)):
        if reason:
            with pytest.raises(asks.Refusal, match=reason):
                core.admit(tokens)
        else:
            core.admit(tokens)
            ask(0.0, prompt_tokens=tokens)
    with pytest.raises(asks.Refusal, match="max_num_queued_reqs"):
        core.admit(1)
    assert _value(core, "admission_rejections", "max_num_queued_reqs") == 1.0
    assert _value(core, "admission_rejections", "max_num_queued_tokens") == 1.0

"""What vLLM's metrics make of the engine's steps, its oddities included.

Everything is counted when a step's output is processed: a preemption when its victim next emits a token, a prompt as a
whole at its first token, a queue as it stood when the step was built. An aborted request stays out of all metrics per
request. Times are seconds on the engine's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.emulator import page as pages
    from glia_operator.emulator import session
    from glia_sim.engine import replica


class Ledger:
    """Counts into a page."""

    def __init__(self, page: pages.Page) -> None:
        number, histogram = page.number, page.histogram
        self._running = number("vllm:num_requests_running")
        self._waiting = number("vllm:num_requests_waiting")
        self._capacity = number("vllm:num_requests_waiting_by_reason", "capacity")
        self._kv = number("vllm:kv_cache_usage_perc")
        self._queries = number("vllm:prefix_cache_queries")
        self._hits = number("vllm:prefix_cache_hits")
        self._preemptions = number("vllm:num_preemptions")
        self._prompt = number("vllm:prompt_tokens")
        self._computed = number("vllm:prompt_tokens_by_source", "local_compute")
        self._found = number("vllm:prompt_tokens_by_source", "local_cache_hit")
        self._cached = number("vllm:prompt_tokens_cached")
        self._device = number("vllm:prompt_tokens_cached_by_source", "device")
        self._generated = number("vllm:generation_tokens")
        self._success = {reason: number("vllm:request_success", reason) for reason in ("stop", "length")}
        self._step = histogram("vllm:iteration_tokens_total")
        self._first = histogram("vllm:time_to_first_token_seconds")
        self._gap = histogram("vllm:inter_token_latency_seconds")
        self._finished = {
            name: histogram(f"vllm:{name}")
            for name in (
                "request_prompt_tokens",
                "request_generation_tokens",
                "request_max_num_generation_tokens",
                "request_params_n",
                "request_params_max_tokens",
                "request_time_per_output_token_seconds",
                "e2e_request_latency_seconds",
                "request_queue_time_seconds",
                "request_inference_time_seconds",
                "request_prefill_time_seconds",
                "request_decode_time_seconds",
                "request_num_preemptions",
                "request_prefill_kv_computed_tokens",
            )
        }
        self._rejected = {
            reason: number("vllm:admission_rejections", reason)
            for reason in ("max_num_queued_reqs", "max_num_queued_tokens")
        }

    def gauges(self, now: replica.Gauges, *, unseen: int) -> None:
        """The engine's state as a step ends; `unseen` requests came too late for the step to see them."""
        self._running.value = now.running
        self._waiting.value = self._capacity.value = max(now.waiting - unseen, 0)
        self._kv.value = now.kv_used

    def rejected(self, reason: str) -> None:
        """A request was refused because of a queue limit."""
        self._rejected[reason].add(1)

    def admitted(self, one: session.Session, cached: int) -> None:
        """A request was scheduled for the first time, `cached` tokens of it found in the prefix cache."""
        self._queries.add(len(one.ask.prompt))
        self._hits.add(cached)
        self._device.add(cached)

    def step(self, t: float, served: Sequence[session.Session]) -> None:
        """A step gave a token to each of these; called before their own counts are brought up to date."""
        if not served:
            return
        tokens = len(served)
        for one in served:
            if one.delivered == 0:
                tokens += self._first_token(t, one)
            else:
                self._gap.observe(t - one.last_token_s)
            self._preemptions.add(one.preemptions - one.preemptions_counted)
        self._generated.add(len(served))
        self._step.observe(tokens)

    def _first_token(self, t: float, one: session.Session) -> int:
        prompt = len(one.ask.prompt)
        self._first.observe(t - one.arrival_s)
        self._prompt.add(prompt)
        self._computed.add(prompt - one.cached)
        self._found.add(one.cached)
        self._cached.add(one.cached)
        return prompt

    def finished(self, t: float, one: session.Session) -> None:
        """A request got its last token at t."""
        decode_s = t - one.first_token_s
        gaps = one.delivered - 1
        self._success["stop" if one.ask.stops else "length"].add(1)
        values = {
            "request_prompt_tokens": len(one.ask.prompt),
            "request_generation_tokens": one.delivered,
            "request_max_num_generation_tokens": one.delivered,
            "request_params_n": 1,
            "request_params_max_tokens": one.ask.max_tokens,
            "request_time_per_output_token_seconds": decode_s / gaps if gaps > 0 else 0.0,
            "e2e_request_latency_seconds": t - one.arrival_s,
            "request_queue_time_seconds": one.scheduled_s - one.arrival_s,
            "request_inference_time_seconds": t - one.scheduled_s,
            "request_prefill_time_seconds": one.first_token_s - one.scheduled_s,
            "request_decode_time_seconds": decode_s,
            "request_num_preemptions": one.preemptions,
            "request_prefill_kv_computed_tokens": len(one.ask.prompt) - one.cached,
        }
        for name, value in values.items():
            self._finished[name].observe(value)

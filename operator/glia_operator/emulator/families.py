"""The families of vLLM 0.32's /metrics in its order: names, types, labels, buckets and help texts are its interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from glia_operator.emulator import metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glia_sim import fleet

Scale = Literal["none", "latency", "first", "gap", "tokens", "step", "times", "n", "block", "http", "handler"]

BOUNDS: dict[str, tuple[float, ...]] = {
    "latency": (
        *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0),
        *(60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0),
    ),
    "first": (
        *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5),
        *(5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
    ),
    "gap": (
        *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5),
        *(5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
    ),
    "step": tuple(float(2**k) for k in (0, *range(3, 15))),
    "times": (1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0),
    "n": (1.0, 2.0, 5.0, 10.0, 20.0),
    "block": (
        *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0),
        *(30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0),
    ),
    "http": (
        *(0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5),
        *(3.0, 3.5, 4.0, 4.5, 5.0, 7.5, 10.0, 30.0, 60.0),
    ),
    "handler": (0.1, 0.5, 1.0),
}
LABELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "vllm:num_requests_waiting_by_reason": ("reason", ("capacity", "deferred")),
    "vllm:engine_sleep_state": ("sleep_state", ("awake", "weights_offloaded", "discard_all")),
    "vllm:prompt_tokens_by_source": ("source", ("local_compute", "local_cache_hit", "external_kv_transfer")),
    "vllm:prompt_tokens_cached_by_source": ("source", ("device", "host", "p2p", "disk", "external_unspecified")),
    "vllm:request_success": ("finished_reason", ("stop", "length", "abort", "error", "repetition")),
    "vllm:admission_rejections": ("reason", ("max_num_queued_reqs", "max_num_queued_tokens")),
}
"""Families with a label beside engine and model_name, and its values."""

_FLOPS = "(for Model Flops Utilization calculations)."
_EXTERNAL = "from KV connector cross-instance cache sharing, in terms of number of"
_SAMPLED = "Sampled metrics (controlled by --kv-cache-metrics-sample)."
TABLE: tuple[tuple[str, metric.Kind, Scale, str], ...] = (
    (
        "vllm:estimated_flops_per_gpu",
        "counter",
        "none",
        f"Estimated number of floating point operations per GPU {_FLOPS}",
    ),
    (
        "vllm:estimated_read_bytes_per_gpu",
        "counter",
        "none",
        f"Estimated number of bytes read from memory per GPU {_FLOPS}",
    ),
    (
        "vllm:estimated_write_bytes_per_gpu",
        "counter",
        "none",
        f"Estimated number of bytes written to memory per GPU {_FLOPS}",
    ),
    ("vllm:num_requests_running", "gauge", "none", "Number of requests in model execution batches."),
    ("vllm:num_requests_waiting", "gauge", "none", "Number of requests waiting to be processed."),
    (
        "vllm:num_requests_waiting_by_reason",
        "gauge",
        "none",
        (
            "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling capacity; "
            "'deferred' = deferred by transient constraints (LoRA budget, KV transfer, blocked status). Sum "
            "of all reasons equals vllm:num_requests_waiting."
        ),
    ),
    (
        "vllm:engine_sleep_state",
        "gauge",
        "none",
        (
            "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; "
            "weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2."
        ),
    ),
    ("vllm:kv_cache_usage_perc", "gauge", "none", "KV-cache usage. 1 means 100 percent usage."),
    (
        "vllm:prefix_cache_queries",
        "counter",
        "none",
        "Prefix cache queries, in terms of number of queried tokens.",
    ),
    ("vllm:prefix_cache_hits", "counter", "none", "Prefix cache hits, in terms of number of cached tokens."),
    (
        "vllm:external_prefix_cache_queries",
        "counter",
        "none",
        f"External prefix cache queries {_EXTERNAL} queried tokens.",
    ),
    ("vllm:external_prefix_cache_hits", "counter", "none", f"External prefix cache hits {_EXTERNAL} cached tokens."),
    ("vllm:mm_cache_queries", "counter", "none", "Multi-modal cache queries, in terms of number of queried items."),
    ("vllm:mm_cache_hits", "counter", "none", "Multi-modal cache hits, in terms of number of cached items."),
    ("vllm:num_preemptions", "counter", "none", "Cumulative number of preemption from the engine."),
    ("vllm:prompt_tokens", "counter", "none", "Number of prefill tokens processed."),
    ("vllm:prompt_tokens_by_source", "counter", "none", "Number of prompt tokens by source."),
    ("vllm:prompt_tokens_cached", "counter", "none", "Number of cached prompt tokens (local + external)."),
    (
        "vllm:prompt_tokens_cached_by_source",
        "counter",
        "none",
        (
            "Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host (offloaded to "
            "DRAM), disk, p2p (transferred from another vLLM instance) or external_unspecified. Counted at "
            "admission; sums to vllm:prefix_cache_hits + vllm:external_prefix_cache_hits."
        ),
    ),
    ("vllm:generation_tokens", "counter", "none", "Number of generation tokens processed."),
    ("vllm:request_success", "counter", "none", "Count of successfully processed requests."),
    (
        "vllm:admission_rejections",
        "counter",
        "none",
        "Number of admission attempts rejected by a queue limit, by reason.",
    ),
    ("vllm:request_prompt_tokens", "histogram", "tokens", "Number of prefill tokens processed."),
    ("vllm:request_generation_tokens", "histogram", "tokens", "Number of generation tokens processed."),
    ("vllm:iteration_tokens_total", "histogram", "step", "Histogram of number of tokens per engine_step."),
    (
        "vllm:request_max_num_generation_tokens",
        "histogram",
        "tokens",
        "Histogram of maximum number of requested generation tokens.",
    ),
    ("vllm:request_params_n", "histogram", "n", "Histogram of the n request parameter."),
    ("vllm:request_params_max_tokens", "histogram", "tokens", "Histogram of the max_tokens request parameter."),
    ("vllm:time_to_first_token_seconds", "histogram", "first", "Histogram of time to first token in seconds."),
    ("vllm:inter_token_latency_seconds", "histogram", "gap", "Histogram of inter-token latency in seconds."),
    (
        "vllm:request_time_per_output_token_seconds",
        "histogram",
        "gap",
        "Histogram of time_per_output_token_seconds per request.",
    ),
    ("vllm:e2e_request_latency_seconds", "histogram", "latency", "Histogram of e2e request latency in seconds."),
    (
        "vllm:request_queue_time_seconds",
        "histogram",
        "latency",
        "Histogram of time spent in WAITING phase for request.",
    ),
    (
        "vllm:request_inference_time_seconds",
        "histogram",
        "latency",
        "Histogram of time spent in RUNNING phase for request.",
    ),
    (
        "vllm:request_prefill_time_seconds",
        "histogram",
        "latency",
        "Histogram of time spent in PREFILL phase for request.",
    ),
    (
        "vllm:request_decode_time_seconds",
        "histogram",
        "latency",
        "Histogram of time spent in DECODE phase for request.",
    ),
    (
        "vllm:request_num_preemptions",
        "histogram",
        "times",
        "Histogram of the number of times a request was preempted.",
    ),
    (
        "vllm:request_prefill_kv_computed_tokens",
        "histogram",
        "tokens",
        "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
    ),
    (
        "vllm:kv_block_lifetime_seconds",
        "histogram",
        "block",
        f"Histogram of KV cache block lifetime from allocation to eviction. {_SAMPLED}",
    ),
    (
        "vllm:kv_block_idle_before_evict_seconds",
        "histogram",
        "block",
        f"Histogram of idle time before KV cache block eviction. {_SAMPLED}",
    ),
    (
        "vllm:kv_block_reuse_gap_seconds",
        "histogram",
        "block",
        (
            "Histogram of time gaps between consecutive KV cache block accesses. Only the most recent accesses are "
            f"recorded (ring buffer). {_SAMPLED}"
        ),
    ),
    ("vllm:cache_config_info", "gauge", "none", "Information of the LLMEngine CacheConfig"),
)
HTTP_TABLE: tuple[tuple[str, metric.Kind, Scale, str], ...] = (
    ("http_requests", "counter", "none", "Total number of requests by method, status and handler."),
    (
        "http_request_size_bytes",
        "summary",
        "none",
        (
            "Content length of incoming requests by handler. Only value of header is respected. Otherwise ignored. "
            "No percentile calculated. "
        ),
    ),
    (
        "http_response_size_bytes",
        "summary",
        "none",
        (
            "Content length of outgoing responses by handler. Only value of header is respected. Otherwise ignored. "
            "No percentile calculated. "
        ),
    ),
    (
        "http_request_duration_highr_seconds",
        "histogram",
        "http",
        "Latency with many buckets but no API specific labels. Made for more accurate percentile calculations. ",
    ),
    (
        "http_request_duration_seconds",
        "histogram",
        "handler",
        "Latency with only few buckets by handler. Made to be only used if aggregation by handler is important. ",
    ),
)


def token_bounds(max_model_len: int) -> tuple[float, ...]:
    """1, 2, 5, 10, ... as far as a request can reach."""
    steps = (digit * 10**power for power in range(10) for digit in (1, 2, 5))
    return tuple(float(step) for step in steps if step <= max_model_len)


def make(max_model_len: int) -> Iterator[metric.Family]:
    """All families in the order of the page, without metrics."""
    for name, kind, scale, text in (*TABLE, *HTTP_TABLE):
        bounds = token_bounds(max_model_len) if scale == "tokens" else BOUNDS.get(scale, ())
        yield metric.Family(name, kind, text, bounds=bounds)


def label_sets(name: str, model: str) -> Iterator[dict[str, str]]:
    """Labels of the metrics that a fresh server shows in a family."""
    if name.startswith("http_"):
        if name == "http_request_duration_highr_seconds":
            yield {}
        return
    common = {"model_name": model} if name == "vllm:admission_rejections" else {"engine": "0", "model_name": model}
    extra, values = LABELS.get(name, ("", ("",)))
    for value in values:
        yield common | ({extra: value} if extra else {})


def cache_config(engine: fleet.Engine) -> dict[str, str]:
    """Labels of vllm:cache_config_info."""
    tokens = engine.num_blocks * engine.block_size
    unset = (
        *("cache_hit_alignment_tokens", "hash_block_size", "kv_cache_layout", "kv_cache_memory_bytes"),
        *("kv_offloading_size", "mamba_block_size", "mamba_page_size_padded", "mamba_ssm_cache_dtype"),
        *("num_cpu_blocks", "prefix_match_unit", "skip_page_size_padded", "sliding_window"),
    )
    off = (
        *("enable_mamba_shared_prefix_checkpoint", "is_attention_free", "kv_sharing_fast_prefill"),
        *("use_kda_recoverssm", "use_replayssm", "user_specified_block_size"),
    )
    return {
        **dict.fromkeys(unset, "None"),
        **dict.fromkeys(off, "False"),
        "_block_size_resolved": "True",
        "block_size": str(engine.block_size),
        "cache_dtype": "auto",
        "effective_attention_block_size": str(engine.block_size),
        "enable_prefix_caching": str(bool(engine.prefix_caching)),
        "engine": "0",
        "gpu_memory_utilization": "0.9",
        "kv_cache_dtype_skip_layers": "[]",
        "kv_cache_max_concurrency": str(tokens / engine.max_model_len),
        "kv_cache_size_tokens": str(tokens),
        "kv_offloading_backend": "native",
        "mamba_cache_dtype": "auto",
        "mamba_cache_mode": "none",
        "mamba_ssm_cache_dtype": "auto",
        "num_gpu_blocks": str(engine.num_blocks),
        "num_gpu_blocks_override": str(engine.num_blocks),
        "prefix_cache_retention_interval": "0",
        "prefix_caching_hash_algo": "sha256",
        "replayssm_buffer_len": "16",
        "swa_bounded_replay": "True",
    }

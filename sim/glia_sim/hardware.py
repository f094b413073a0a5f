"""GPUs, models, and how long one engine step takes on them."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, replace

from glia_sim import faults

GIB = 2**30
BYTES_PER_VALUE = 2
"""bf16, for weights and KV cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU and vLLM's serving defaults on it.

    `overhead_gib` is what vLLM keeps beside weights and KV cache (activations, CUDA graphs). It is set so that an A10
    at utilisation 0.97 holds the 2,756 blocks of Llama-3-8B that were observed on real machines.
    The defaults are those of `vllm serve`: GPUs of 70 GiB and more take the larger ones, the A100 excepted.
    """

    name: str
    memory_gib: float
    overhead_gib: float
    max_num_seqs: int
    max_num_batched_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model's shape; `profile` names the row family of the step-time table."""

    name: str
    profile: str
    parameters: float
    layers: int
    kv_heads: int
    head_dim: int
    max_model_len: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """Duration of one engine step.

    ms = base_ms + token_ms * max(T - floor_tokens, 0) + kv_ms * K + attention_ms * P + batch_ms * B, with
    T = tokens in the step, K = sum over decoding requests of their context tokens,
    P = sum over prefill chunks of chunk * (prior + chunk / 2), B = decoding requests.
    A step that schedules no token takes `idle_ms`.
    """

    floor_tokens: float
    base_ms: float
    token_ms: float
    kv_ms: float
    attention_ms: float
    batch_ms: float = 0.0
    idle_ms: float = 1.0

    def times(self, factor: float) -> StepTime:
        """Every duration multiplied by `factor`; an idle step keeps its length."""
        return replace(
            self,
            base_ms=self.base_ms * factor,
            token_ms=self.token_ms * factor,
            kv_ms=self.kv_ms * factor,
            attention_ms=self.attention_ms * factor,
            batch_ms=self.batch_ms * factor,
        )


def _gpu(name: str, memory_gib: float, max_num_seqs: int, max_num_batched_tokens: int) -> Gpu:
    return Gpu(
        name=name,
        memory_gib=memory_gib,
        overhead_gib=1.47,
        max_num_seqs=max_num_seqs,
        max_num_batched_tokens=max_num_batched_tokens,
    )


def _model(name: str, max_model_len: int) -> Model:
    if name.endswith("70b"):
        return Model(
            name=name,
            profile="70b",
            parameters=70.55e9,
            layers=80,
            kv_heads=8,
            head_dim=128,
            max_model_len=max_model_len,
        )
    return Model(
        name=name, profile="8b", parameters=8.03e9, layers=32, kv_heads=8, head_dim=128, max_model_len=max_model_len
    )


def _step(floor: float, base: float, token: float, kv: float, attention: float, batch: float) -> StepTime:
    return StepTime(floor_tokens=floor, base_ms=base, token_ms=token, kv_ms=kv, attention_ms=attention, batch_ms=batch)


GPUS = {
    gpu.name: gpu
    for gpu in (
        _gpu("A10", 22.49, 256, 2048),
        _gpu("L40S", 44.99, 256, 2048),
        _gpu("A100", 79.25, 256, 2048),
        _gpu("H100", 79.65, 1024, 8192),
    )
}

MODELS = {
    model.name: model
    for model in (
        _model("llama-3-8b", 8192),
        _model("llama-3.1-8b", 131072),
        _model("llama-3-70b", 8192),
        _model("llama-3.1-70b", 131072),
        _model("llama-3.3-70b", 131072),
    )
}

STEP_TIMES = {
    ("A10", "8b", 1): _step(64, 31.2, 0.2225, 2.73e-4, 8.7e-6, 0),
    ("L40S", "8b", 1): _step(192, 23.5, 0.0647, 1.87e-4, 3.07e-6, 0.017),
    ("A100", "8b", 1): _step(64, 12.0, 0.0544, 8.32e-5, 2.95e-6, 0.0022),
    ("H100", "8b", 1): _step(192, 6.67, 0.0193, 4.07e-5, 9.15e-7, 0.0068),
    ("H100", "70b", 4): _step(128, 16.1, 0.0589, 2.64e-5, 1.54e-6, 0.0076),
    ("H100", "70b", 8): _step(32, 10.2, 0.0371, 1.26e-5, 5.84e-7, 0),
}
"""(GPU, model profile, tensor parallelism) -> fit of measured kernel times; errors of 3 to 5 % (docs/fleet.md)."""


def model(name: str) -> Model:
    """The model of that name.

    Raises:
        InputFault: no such model.
    """
    known = MODELS.get(name)
    if known is None:
        close = difflib.get_close_matches(name.lower(), MODELS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known models: {', '.join(MODELS)}"
        raise faults.InputFault(f"{name!r} is not a known model; {hint}")
    return known


def step_time(gpu: str, model_name: str, tensor_parallel: int) -> StepTime | None:
    """The measured profile, or None where nobody measured this combination."""
    return STEP_TIMES.get((gpu, model(model_name).profile, tensor_parallel))


def kv_blocks(gpu: Gpu, shape: Model, *, tensor_parallel: int, utilisation: float, block_size: int) -> int:
    """KV blocks that fit beside the weights; 0 or less where the weights alone do not fit."""
    block_bytes = 2 * shape.layers * shape.kv_heads * shape.head_dim * BYTES_PER_VALUE * block_size
    per_gpu_bytes = (gpu.memory_gib * utilisation - gpu.overhead_gib) * GIB
    return math.floor((per_gpu_bytes * tensor_parallel - shape.parameters * BYTES_PER_VALUE) / block_bytes)

"""The hardware tables agree with machines that were measured."""

from __future__ import annotations

import csv
from dataclasses import fields

import numpy as np
import pytest

from glia_sim import faults, hardware

SYSTEMS = {
    ("Meta-Llama-3.1-8B", "a100_sxm", "1"): ("A100", "8b", 1),
    ("Meta-Llama-3.1-8B", "h100_sxm", "1"): ("H100", "8b", 1),
    ("Meta-Llama-3.1-8B", "l40s", "1"): ("L40S", "8b", 1),
    ("Meta-Llama-3.1-70B", "h100_sxm", "4"): ("H100", "70b", 4),
    ("Meta-Llama-3.1-70B", "h100_sxm", "8"): ("H100", "70b", 8),
}


def blocks(gpu: str, model: str, tensor_parallel: int = 1, utilisation: float = 0.9) -> int:
    return hardware.kv_blocks(
        hardware.GPUS[gpu],
        hardware.MODELS[model],
        tensor_parallel=tensor_parallel,
        utilisation=utilisation,
        block_size=16,
    )


def test_an_a10_holds_the_2756_blocks_observed_at_utilisation_0_97():
    assert blocks("A10", "llama-3-8b", utilisation=0.97) == pytest.approx(2756, abs=5)


def test_an_a10_keeps_under_two_thousand_blocks_at_the_default_utilisation():
    assert 1900 < blocks("A10", "llama-3-8b") < 2000


def test_an_a100_holds_some_450_thousand_tokens():
    assert 16 * blocks("A100", "llama-3.1-8b") == pytest.approx(450_000, rel=0.02)


def test_70b_needs_more_than_one_gpu():
    assert blocks("H100", "llama-3.3-70b") < 0
    assert blocks("H100", "llama-3.3-70b", tensor_parallel=4) > 30_000


def test_more_gpus_more_memory_more_blocks():
    assert blocks("H100", "llama-3.3-70b", 4) < blocks("H100", "llama-3.3-70b", 8)
    assert blocks("A10", "llama-3-8b") < blocks("L40S", "llama-3-8b") < blocks("A100", "llama-3-8b")


def test_a_factor_scales_every_duration_and_nothing_else():
    step = hardware.STEP_TIMES["H100", "70b", 4]
    scaled = step.times(3)
    for field in fields(step):
        factor = 1 if field.name in {"floor_tokens", "idle_ms"} else 3
        assert getattr(scaled, field.name) == pytest.approx(factor * getattr(step, field.name))


def test_an_unknown_model_is_refused_with_the_closest():
    with pytest.raises(faults.InputFault, match=r"did you mean 'llama-3.1-8b'"):
        hardware.model("llama-3.1-8")


def predicted_ms(step: hardware.StepTime, prefill: float, batch: float, context: float, prefix: float) -> float:
    """The documented formula for one prefill chunk after `prefix` tokens beside `batch` decodes at `context`."""
    return (
        step.base_ms
        + step.token_ms * max(prefill + batch - step.floor_tokens, 0)
        + step.kv_ms * batch * context
        + step.attention_ms * prefill * (prefix + prefill / 2)
        + step.batch_ms * batch
    )


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=lambda system: "-".join(map(str, system)))
def test_step_times_fit_the_measured_kernels_as_well_as_documented(data_dir, system):
    step = hardware.STEP_TIMES[system]
    errors = []
    with (data_dir / "iteration_latency.csv").open() as file:
        for row in csv.DictReader(file):
            if SYSTEMS.get((row["model"], row["system"], row["tp"])) != system:
                continue
            prefix = max(0.0, float(row["prefix(-1=mixed)"]))
            guess = predicted_ms(
                step, float(row["prefill_tokens"]), float(row["decode_batch"]), float(row["context_len"]), prefix
            )
            errors.append(abs(guess / float(row["latency_ms"]) - 1))
    assert len(errors) > 100
    assert np.mean(errors) < 0.06

"""Emulator files say what vLLM would have to hold, and wrong ones are refused in one sentence."""

from __future__ import annotations

import pathlib

import pytest

from glia_operator.emulator import launch, settings
from glia_sim import faults, fleet_file, hardware, latency_table

REPLICA = "replica: {gpu: A10, model: llama-3-8b}\n"


def _loads(text):
    return settings.loads(text, place="test.yaml")


def test_without_a_file_it_is_a_llama_on_an_a10_with_vllms_defaults():
    found = settings.load(None, settings.Flags())
    assert found.served_model_name == "llama-3-8b"
    assert found.group.step == hardware.STEP_TIMES["A10", "8b", 1]
    assert found.engine.prefix_caching is True
    assert found.engine.scheduling_policy == "fcfs"


def test_the_example_is_the_machine_of_the_paper_fleet():
    example = pathlib.Path(__file__).parents[2] / "examples" / "emulator-a10.yaml"
    found = settings.load(str(example), settings.Flags())
    expected = fleet_file.load("paper-a10x4").groups[0]
    assert found.engine.num_blocks == expected.engine.num_blocks
    assert found.group.step.base_ms == pytest.approx(expected.step.base_ms, rel=0.01)
    assert found.fault_endpoint


def test_a_group_of_a_fleet_is_taken_as_it_is():
    assert _loads("fleet: paper-a10x4\n").group.step == fleet_file.load("paper-a10x4").groups[0].step
    assert _loads("fleet: mixed-h100x2-a10x4\ngroup: 1\n").group.gpu == "A10"


def test_vllms_flags_go_before_the_file():
    flags = settings.Flags(
        served_model_name="m", max_num_seqs=4, num_gpu_blocks_override=50, scheduling_policy="priority"
    )
    found = settings.load(None, flags)
    engine = found.engine
    assert (found.served_model_name, engine.max_num_seqs, engine.num_blocks) == ("m", 4, 50)
    assert engine.scheduling_policy == "priority"
    assert engine.max_model_len == 49 * 16


def test_a_latency_table_becomes_the_formula_that_made_it():
    step = hardware.StepTime(floor_tokens=64, base_ms=10, token_ms=0.05, kv_ms=1e-4, attention_ms=3e-6, batch_ms=0.01)
    rows = [
        [prefill, batch, context, prefix, _took(step, prefill, batch, context, prefix)]
        for prefill in (0, 100, 1000)
        for batch, context in ((0, 0), (1, 100), (8, 1000), (64, 500))
        for prefix in (0, 500)
        if prefill + batch
    ]
    fit = latency_table.fit(rows, place="test")
    assert fit.mape < 1e-6
    assert fit.step.base_ms == pytest.approx(10)
    assert fit.step.kv_ms == pytest.approx(1e-4)
    text = REPLICA + "latency_table:\n  rows:\n" + "".join(f"  - {row}\n" for row in rows)
    assert _loads(text).group.step == fit.step


def _took(step, prefill, batch, context, prefix):
    attention = prefill * (prefix + prefill / 2)
    above = max(prefill + batch - step.floor_tokens, 0)
    linear = step.base_ms + step.token_ms * above + step.kv_ms * batch * context
    return linear + step.attention_ms * attention + step.batch_ms * batch


def test_measured_tables_are_fitted_within_five_percent(data_dir):
    table = data_dir / "iteration_latency.csv"
    for system in ("a100_sxm", "h100_sxm", "l40s"):
        fit = latency_table.read(table, where={"model": "Meta-Llama-3.1-8B", "system": system, "tp": 1})
        assert fit.mape < 0.05


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("speed: 1.0\n", "exactly one of fleet and replica"),
        (REPLICA + "fleet: paper-a10x4\n", "exactly one of fleet and replica"),
        (REPLICA + "speeed: 1.0\n", "line 2: speeed is not a field; did you mean 'speed'?"),
        (REPLICA + "speed: 0\n", "line 2: speed"),
        (REPLICA + "outputs: {lowest: 5, highest: 2}\n", "lowest 5 exceeds highest 2"),
        (
            REPLICA + "outputs: {median: 0.5, mediun: 2}\n",
            "line 2: outputs.mediun is not a field; did you mean 'median'?",
        ),
        (REPLICA + "faults: {at_start: [{kind: meteor}]}\n", "faults.at_start[0].kind"),
        (REPLICA + "faults: {at_start: [{kind: slow-start}]}\n", "needs for_s"),
        (REPLICA + "faults: {at_start: [{kind: crash, code: 3}]}\n", "did you mean 'exit_code'?"),
        (REPLICA + "latency_table: {rows: [[1, 2]]}\n", "a fit needs 6 or more"),
        (REPLICA + "latency_table: {}\n", "exactly one of file and rows"),
        (REPLICA + "latency_table: {file: nowhere.csv}\n", "not a readable CSV file"),
        ("fleet: paper-a10x4\ngroup: 3\n", "line 2: group is 3"),
        ("fleet: nowhere\n", "neither a built-in fleet nor a file"),
        ("replica: {gpu: A10, model: llama-9}\n", "line 1: replica.model"),
        ("replica: {gpu: A10, model: llama-3-8b, engine: {block_size: 48}}\n", "powers of two"),
        (
            "replica: {gpu: A10, model: llama-3-8b, engine: {num_blocks: 10, max_model_len: 500}}\n",
            "max_model_len 500 exceeds the 144 tokens",
        ),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(text, wrong):
    with pytest.raises(faults.InputFault) as refused:
        _loads(text)
    assert wrong in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("flags", "wrong"),
    [
        (settings.Flags(scheduling_policy="lifo"), "vLLM has fcfs and priority"),
        (settings.Flags(max_model_len=10**6), "max_model_len"),
        (settings.Flags(max_num_seqs=10**6), "max_num_seqs"),
    ],
)
def test_wrong_flags_are_refused(flags, wrong):
    with pytest.raises(faults.InputFault, match=wrong):
        settings.load(None, flags)


def test_addresses_are_hosts_with_or_without_ports():
    assert launch.address("10.0.0.1", port=8000) == launch.Address(host="10.0.0.1", port=8000)
    assert str(launch.address(" h:81", port=8000)) == "h:81"
    for wrong in ("", ":80", "h:x", "h:99999"):
        with pytest.raises(faults.InputFault, match="not an address"):
            launch.address(wrong, port=1)

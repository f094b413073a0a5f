"""A fleet file is read field by field; what is wrong is named with its line and what would be right."""

from __future__ import annotations

import importlib.resources
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from glia_sim import faults, fleet, fleet_file, hardware

SMALL = "groups:\n  - gpu: A10\n    model: llama-3-8b\n    count: 2\n"


def load(text: str) -> fleet.Fleet:
    return fleet_file.loads(text, place="some.yaml")


class TestBuiltIns:
    """Each built-in name is the fleet that docs/fleet.md says it is."""

    def test_their_names(self):
        assert fleet_file.names() == (
            "a10-scaling",
            "a100x4",
            "h100x8-70b",
            "mixed-h100x2-a10x4",
            "paper-a10x4",
            "paper-a10x4-live",
        )

    @pytest.mark.parametrize("name", fleet_file.names())
    def test_each_carries_its_own_name(self, name):
        assert fleet_file.load(name).name == name

    def test_the_papers_operating_point(self):
        paper = fleet_file.load("paper-a10x4")
        (group,) = paper.groups
        assert (group.gpu, group.count, group.gpus) == ("A10", 4, 1)
        assert group.engine == fleet.Engine(
            num_blocks=2240,
            max_num_seqs=128,
            max_num_batched_tokens=8192,
            prefix_caching=False,
            async_scheduling=False,
            watermark=0.01,
            max_model_len=8192,
        )
        assert group.step == hardware.StepTime(
            floor_tokens=64, base_ms=35.9, token_ms=0.256, kv_ms=3.14e-4, attention_ms=1.0e-5
        )
        assert paper.router == fleet.Router(views="perfect", pickers=1, hold_ttl_s=None)
        assert paper.clients == fleet.Clients(timeout_s=None, streaming_share=1.0)
        assert paper.autoscaler is None

    def test_its_live_twin_differs_in_what_the_router_sees_alone(self):
        paper, live = fleet_file.load("paper-a10x4"), fleet_file.load("paper-a10x4-live")
        assert live.groups == paper.groups
        assert live.router == paper.with_views("scraped", 0.2).router

    def test_the_scaling_fleet_has_the_papers_replicas_and_room_to_scale(self):
        (paper,), scaling = fleet_file.load("paper-a10x4").groups, fleet_file.load("a10-scaling")
        assert scaling.groups == (replace(paper, count=9),)
        assert scaling.autoscaler == fleet.Autoscaler(min_replicas=2, max_replicas=16, interval_s=15.0, startup_s=90.0)

    def test_the_papers_step_times_are_the_a10s_times_1_15(self):
        (group,) = fleet_file.load("paper-a10x4").groups
        scaled = hardware.STEP_TIMES["A10", "8b", 1].times(1.15)
        for name in ("floor_tokens", "base_ms", "token_ms", "kv_ms", "attention_ms"):
            assert getattr(group.step, name) == pytest.approx(getattr(scaled, name), rel=0.002)

    def test_the_others_start_as_vllm_serve_does(self):
        for name, seqs, batched in (("a100x4", 256, 2048), ("h100x8-70b", 1024, 8192)):
            (group,) = fleet_file.load(name).groups
            assert (group.engine.max_num_seqs, group.engine.max_num_batched_tokens) == (seqs, batched)
            assert group.engine.async_scheduling
            assert group.engine.prefix_caching is None
            assert group.engine.max_model_len == 131_072

    def test_sizes(self):
        assert [fleet_file.load(name).replicas for name in fleet_file.names()] == [9, 4, 2, 6, 4, 4]
        assert fleet_file.load("h100x8-70b").groups[0].gpus == 4

    def test_they_are_packaged(self):
        folder = importlib.resources.files("glia_sim") / "fleets"
        assert (folder / "paper-a10x4.yaml").is_file()


class TestDefaults:
    """What a file leaves out comes from the hardware tables."""

    def test_a_nameless_fleet_is_named_after_its_file(self, tmp_path):
        path = tmp_path / "cluster-7.yaml"
        path.write_text(SMALL)
        assert fleet_file.load(path).name == "cluster-7"

    def test_step_times_are_the_measured_ones(self):
        assert load(SMALL).groups[0].step == hardware.STEP_TIMES["A10", "8b", 1]

    def test_one_step_field_may_be_overridden(self):
        step = load(SMALL + "    step: {base_ms: 40}\n").groups[0].step
        assert step.base_ms == 40
        assert step.token_ms == hardware.STEP_TIMES["A10", "8b", 1].token_ms

    def test_step_scale_multiplies_all_times_but_not_the_floor(self):
        step = load(SMALL + "    step_scale: 2\n").groups[0].step
        assert (step.floor_tokens, step.base_ms, step.kv_ms, step.idle_ms) == (64, 62.4, 5.46e-4, 1.0)

    def test_blocks_follow_memory_and_yield_to_an_explicit_number(self):
        low, high = (load(SMALL + f"    gpu_memory_utilization: {u}\n").groups[0].engine for u in (0.9, 0.97))
        assert low.num_blocks < high.num_blocks
        assert load(SMALL + "    engine: {num_blocks: 77}\n").groups[0].engine.num_blocks == 77

    def test_a_smaller_block_size_makes_more_blocks_of_the_same_memory(self):
        usable = [load(SMALL + f"    engine: {{block_size: {b}}}\n").groups[0].engine.num_blocks - 1 for b in (16, 8)]
        assert abs(usable[1] - 2 * usable[0]) <= 1

    def test_the_context_is_the_models_or_what_the_cache_holds(self):
        assert load(SMALL).groups[0].engine.max_model_len == 8192
        assert load(SMALL + "    engine: {num_blocks: 101}\n").groups[0].engine.max_model_len == 1600

    def test_a_small_token_budget_caps_the_default_batch(self):
        assert load(SMALL + "    engine: {max_num_batched_tokens: 128}\n").groups[0].engine.max_num_seqs == 128

    def test_an_unmeasured_combination_may_bring_its_own_step_times(self):
        step = "{floor_tokens: 64, base_ms: 20, token_ms: 0.1, kv_ms: 1e-4, attention_ms: 1e-6}"
        text = SMALL.replace("A10", "L40S") + f"    tensor_parallel: 2\n    step: {step}\n"
        assert load(text).groups[0].step.base_ms == 20

    def test_router_clients_and_autoscaler_are_read(self):
        text = (
            SMALL
            + "router: {views: scraped, scrape_interval_s: 1, pickers: 3, hold_ttl_s: 30}\n"
            + "clients: {timeout_s: 120, streaming_share: 0.5}\n"
            + "autoscaler: {min_replicas: 1, max_replicas: 8, interval_s: 15, startup_s: 60, initial: 3}\n"
        )
        read = load(text)
        assert read.router == fleet.Router(views="scraped", scrape_interval_s=1, pickers=3, hold_ttl_s=30)
        assert read.clients == fleet.Clients(timeout_s=120, streaming_share=0.5)
        assert read.autoscaler == fleet.Autoscaler(
            min_replicas=1, max_replicas=8, interval_s=15, startup_s=60, initial=3, group=0
        )


SCALER = "autoscaler: {min_replicas: 1, max_replicas: 8, interval_s: 15, startup_s: 60"
REFUSALS = {
    "nothing": ("", "expected a mapping of fields"),
    "a list": ("- 1\n", "expected a mapping of fields"),
    "no yaml": ("groups: [\n", "line 2: not YAML"),
    "null byte": ("groups: \0\n", "not YAML"),
    "bottomless": ("[" * 20_000, "not YAML"),
    "python tag": ("groups: !!python/object:os.system x\n", "line 1: not YAML"),
    "impossible date": ("groups: 2024-13-45\n", "not YAML: month must be in 1..12"),
    "alias": ("groups: &a [1]\nrouter: *a\n", "line 1: aliases of this section are not supported"),
    "key of no word": ("{[1]: 2}\n", "line 1: a field's name must be a word"),
    "twice": (SMALL + "groups: []\n", "line 5: 'groups' is given twice"),
    "too long": ("#" * 1_000_001, "1,000,001 characters"),
    "no groups": ("name: x\n", "line 1: groups is missing"),
    "empty groups": ("groups: []\n", "line 1: groups: list should have at least 1 item"),
    "group of no fields": ("groups:\n  - A10\n", "line 2: groups[0]: must be a section of fields, received 'A10'"),
    "misspelt field": (
        SMALL.replace("count", "conut"),
        "line 4: groups[0].conut is not a field; did you mean 'count'?",
    ),
    "misspelt section": (SMALL + "ruoter: {}\n", "line 5: ruoter is not a field; did you mean 'router'?"),
    "misspelt engine": (
        SMALL + "    engine:\n      num_blokcs: 5\n",
        "line 6: groups[0].engine.num_blokcs is not a field; did you mean 'num_blocks'?",
    ),
    "field unlike any": (
        SMALL + "router: {zzz: 1}\n",
        "router.zzz is not a field; fields here: views, scrape_interval_s",
    ),
    "missing count": ("groups:\n  - gpu: A10\n    model: llama-3-8b\n", "line 2: groups[0].count is missing"),
    "count in words": (
        SMALL.replace("2", "two"),
        "line 4: groups[0].count: input should be a valid integer, received 'two'",
    ),
    "count of zero": (SMALL.replace("2", "0"), "line 4: groups[0].count: input should be greater than or equal to 1"),
    "count of yes": (
        SMALL.replace("2", "yes"),
        "line 4: groups[0].count: input should be a valid integer, received True",
    ),
    "negative blocks": (
        SMALL + "    engine: {num_blocks: -3}\n",
        "line 5: groups[0].engine.num_blocks: input should be",
    ),
    "nan": (SMALL + "    step: {base_ms: .nan}\n", "line 5: groups[0].step.base_ms: input should be a finite number"),
    "unknown gpu": (
        SMALL.replace("A10", "B200"),
        "line 2: groups[0].gpu: input should be 'A10', 'L40S', 'A100' or 'H100'",
    ),
    "unknown model": (SMALL.replace("3-8b", "3-8B"), "'llama-3-8B' is not a known model; did you mean 'llama-3-8b'?"),
    "model unlike any": (SMALL.replace("llama-3-8b", "zzz"), "known models: llama-3-8b"),
    "weights too large": (SMALL.replace("3-8b", "3-70b"), "llama-3-70b leaves no memory for a KV cache on 1 x A10"),
    "unmeasured": (SMALL + "    tensor_parallel: 2\n", "nobody measured step times of llama-3-8b on 2 x A10"),
    "batch beyond budget": (
        SMALL + "    engine: {max_num_seqs: 512, max_num_batched_tokens: 256}\n",
        "max_num_seqs 512 exceeds max_num_batched_tokens 256",
    ),
    "steps of no time": (SMALL + "    step: {base_ms: 0, token_ms: 0}\n", "a step must take time"),
    "views": (SMALL + "router: {views: psychic}\n", "line 5: router.views: input should be 'perfect' or 'scraped'"),
    "share": (SMALL + "clients: {streaming_share: 1.5}\n", "line 5: clients.streaming_share: input should be less"),
    "scaler's group": (SMALL + SCALER + ", group: 1}\n", "line 5: autoscaler.group is 1, but groups are 0 to 0"),
    "scaler's bounds": (
        SMALL + SCALER.replace("8", "0", 1) + "}\n",
        "line 5: autoscaler.max_replicas: input should be",
    ),
    "scaler upside down": (
        SMALL + SCALER.replace("min_replicas: 1", "min_replicas: 9") + "}\n",
        "line 5: autoscaler: min_replicas 9 exceeds max_replicas 8",
    ),
    "scaler's start": (SMALL + SCALER + ", initial: 9}\n", "9 replicas at the start lie outside 1 to 8"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_bad_fleet_is_refused_in_one_sentence(case):
    text, words = REFUSALS[case]
    with pytest.raises(faults.InputFault) as caught:
        load(text)
    message = str(caught.value)
    assert message.startswith("some.yaml")
    assert words in message
    assert "\n" not in message


def test_an_unknown_name_is_refused_with_the_closest(tmp_path):
    with pytest.raises(faults.InputFault, match="did you mean 'paper-a10x4'"):
        fleet_file.load("paper-a10")
    with pytest.raises(faults.InputFault, match="built-in fleets: a10-scaling, a100x4"):
        fleet_file.load("zzz.yaml")
    with pytest.raises(faults.InputFault, match="not a regular file"):
        fleet_file.load(tmp_path)


def test_a_file_of_no_text_is_refused(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(faults.InputFault, match="UTF-8 text"):
        fleet_file.load(path)


@given(st.text(max_size=200))
def test_no_text_gets_past_but_as_a_fleet_or_a_refusal(text):
    try:
        assert isinstance(load(text), fleet.Fleet)
    except faults.InputFault as fault:
        assert str(fault).startswith("some.yaml")  # noqa: PT017 - either outcome is fine; any other error is not


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["groups", "gpu", "count", "engine", "step", "router", "x"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_no_tree_of_values_gets_past_either(tree):
    text = yaml.safe_dump(tree)
    try:
        assert isinstance(load(text), fleet.Fleet)
    except faults.InputFault as fault:
        assert str(fault).startswith("some.yaml")  # noqa: PT017 - as above

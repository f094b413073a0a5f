"""The /metrics page has the families of a real vLLM 0.32, and the bytes that prometheus_client would write."""

from __future__ import annotations

import time

import prometheus_client
import pytest
from prometheus_client import openmetrics, parser
from prometheus_client.openmetrics import exposition
from prometheus_client.openmetrics import parser as open_parser

from glia_operator.emulator import families, metric, page

DOCUMENTED = (
    *("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:num_requests_waiting_by_reason"),
    *("vllm:kv_cache_usage_perc", "vllm:engine_sleep_state", "vllm:cache_config_info", "vllm:num_preemptions"),
    *("vllm:prompt_tokens", "vllm:prompt_tokens_cached", "vllm:generation_tokens", "vllm:prefix_cache_queries"),
    *("vllm:prefix_cache_hits", "vllm:request_success", "vllm:admission_rejections"),
    *("vllm:time_to_first_token_seconds", "vllm:inter_token_latency_seconds"),
    *("vllm:request_time_per_output_token_seconds", "vllm:e2e_request_latency_seconds"),
    *("vllm:request_queue_time_seconds", "vllm:request_inference_time_seconds"),
    *("vllm:request_prefill_time_seconds", "vllm:request_decode_time_seconds", "vllm:request_prompt_tokens"),
    *("vllm:request_generation_tokens", "vllm:iteration_tokens_total", "vllm:request_num_preemptions"),
    "vllm:request_prefill_kv_computed_tokens",
)
"""Families that anybody reads; all others of vLLM are compared as well."""


def _families(text):
    """Of each family: type, help, and of each sample its name, its label names, its bucket and its fixed labels."""
    found = {}
    for family in parser.text_string_to_metric_families(text):
        if family.name.startswith(("process_", "python_")):
            continue
        samples = [
            (
                sample.name,
                tuple(sorted(sample.labels)),
                sample.labels.get("le"),
                tuple(sample.labels.get(name) for name in ("reason", "source", "finished_reason", "sleep_state")),
            )
            for sample in family.samples
        ]
        found[family.name] = (family.type, family.documentation, samples)
    return found


@pytest.fixture
async def ours(configure, serve):
    client = await serve(configure(engine={"max_model_len": 2048}))
    await client.complete()
    assert (await client.complete(prompt=""))[0] == 400
    _, text = await client.get("/metrics")
    return _families(text)


@pytest.mark.parametrize("name", ["idle", "after_preemptions"])
async def test_the_page_is_that_of_a_real_server(ours, data_dir, name):
    real = _families((data_dir / "vllm_metrics" / f"{name}.txt").read_text())
    assert set(DOCUMENTED) <= set(real)
    for family, expected in real.items():
        if family.startswith("http_"):
            assert ours[family][:2] == expected[:2]
        else:
            assert ours[family] == expected, family
    created_on_demand = {"http_requests_created"} | {
        f"http_re{kind}_size_bytes_created" for kind in ("quest", "sponse")
    }
    assert set(ours) - set(real) <= created_on_demand | {"http_request_duration_seconds_created"}
    assert [name for name in ours if name in real] == list(real)


async def test_the_http_families_have_the_labels_of_a_real_server(ours, data_dir):
    real = _families((data_dir / "vllm_metrics" / "after_preemptions.txt").read_text())
    for family in (name for name in real if name.startswith("http_")):
        assert {sample[:3] for sample in ours[family][2]} == {sample[:3] for sample in real[family][2]}, family


async def test_content_types_follow_what_the_scraper_accepts(configure, serve):
    client = await serve(configure())
    async with client.session.get(client.url + "/metrics") as answer:
        assert answer.headers["Content-Type"] == prometheus_client.CONTENT_TYPE_LATEST
        list(parser.text_string_to_metric_families(await answer.text()))
    accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
    async with client.session.get(client.url + "/metrics", headers=accept) as answer:
        assert answer.headers["Content-Type"] == exposition.CONTENT_TYPE_LATEST
        names = {found.name for found in open_parser.text_string_to_metric_families(await answer.text())}
    assert set(DOCUMENTED) <= names


def _reference():
    """The same metrics in prometheus_client, all observed alike."""
    registry = prometheus_client.CollectorRegistry()
    counter = prometheus_client.Counter("a:b", 'says "so" \\ and\nmore', ["x", "reason"], registry=registry)
    gauge = prometheus_client.Gauge("g", "g", registry=registry)
    histogram = prometheus_client.Histogram("h", "h", ["z", "a"], buckets=(0.1, 1, 2560), registry=registry)
    summary = prometheus_client.Summary("s", "s", ["handler"], registry=registry)
    counter.labels('q"\\', "m\n").inc(1234567.0)
    gauge.set(1e-7)
    for value in (0.1, 0.5, 7.0, 1e9):
        histogram.labels("1", "2").observe(value)
    histogram.labels("1", "2")._buckets[0].inc(2_000_000)
    summary.labels("/x").observe(3.5)
    return registry


def _mirrored():
    made = [
        metric.Family("a:b", "counter", 'says "so" \\ and\nmore'),
        metric.Family("g", "gauge", "g"),
        metric.Family("h", "histogram", "h", bounds=(0.1, 1.0, 2560.0)),
        metric.Family("s", "summary", "s"),
    ]
    made[0].metric({"x": 'q"\\', "reason": "m\n"}, 5.0).add(1234567.0)
    made[1].metric({}, 5.0).add(1e-7)
    for value in (0.1, 0.5, 7.0, 1e9):
        made[2].metric({"z": "1", "a": "2"}, 5.0).observe(value)
    made[2].metric({"z": "1", "a": "2"}, 5.0).counts[0] += 2_000_000
    made[3].metric({"handler": "/x"}, 5.0).observe(3.5)
    return made


def _without_times(text):
    return [line.rpartition(" ")[0] if "_created" in line and "#" not in line else line for line in text.splitlines()]


def test_the_bytes_are_those_of_prometheus_client():
    registry = _reference()
    text = "".join(line for family in _mirrored() for line in family.text_lines())
    assert _without_times(text) == _without_times(prometheus_client.generate_latest(registry).decode())
    opened = "".join(line for family in _mirrored() for line in family.open_lines()) + "# EOF\n"
    assert _without_times(opened) == _without_times(openmetrics.exposition.generate_latest(registry).decode())


def test_buckets_of_tokens_reach_as_far_as_the_model():
    assert families.token_bounds(2048)[-2:] == (1000.0, 2000.0)
    assert families.token_bounds(131072)[-1] == 100_000.0


def test_a_page_renders_in_less_than_five_milliseconds(configure):
    made = page.Page(configure(), created=0.0)
    assert len(made.text().splitlines()) > 500
    began = time.process_time()
    for _ in range(20):
        made.text()
    assert (time.process_time() - began) / 20 < 0.005


def test_a_label_that_a_family_does_not_have_is_no_metric(configure):
    with pytest.raises(KeyError):
        page.Page(configure(), created=0.0).number("vllm:request_success", "nonsense")

"""Behind an API that fails in every way the operator converges, and does not flood it.

GLIA_FAULT_MINUTES says how long: 2 by default, 10 in the full suite.
"""

from __future__ import annotations

import collections
import importlib.util
import json
import os
import pathlib
import time

import pytest

MINUTES = float(os.environ.get("GLIA_FAULT_MINUTES", "2"))
MOST_PER_S = 25.0
MOST_IN_TEN_S = 400

spec = importlib.util.spec_from_file_location("faulty_proxy", pathlib.Path(__file__).parent / "faulty_proxy.py")
faulty_proxy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(faulty_proxy)


@pytest.fixture
def proxied(operator_kubeconfig, tmp_path, free_port):
    """A proxy that fails, and a kubeconfig that goes through it as the operator."""
    with faulty_proxy.FaultyProxy(operator_kubeconfig, free_port()) as proxy:
        content = json.loads(operator_kubeconfig.read_text())
        content["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{proxy.port}"}
        path = tmp_path / "proxied"
        path.write_text(json.dumps(content))
        yield proxy, path


def test_it_converges_with_bounded_rates(new_operator, new_wish, proxied, record_property):
    proxy, kubeconfig = proxied
    begin = lambda: new_operator(kubeconfig=kubeconfig)  # noqa: E731 - started anew whenever it ends, as the kubelet does
    operator, starts = begin(), 1
    wish = new_wish("chat").apply(rollout={"approval": "Automatic"})
    began, paused = time.monotonic(), False
    while time.monotonic() - began < MINUTES * 60:
        if operator.process.poll() is not None:
            operator, starts = begin(), starts + 1
        time.sleep(10)
        if wish.policies():
            paused = not paused
            wish.apply(rollout={"approval": "Automatic"}, paused=paused)
    proxy.rate = 0.0
    if operator.process.poll() is not None:
        operator, starts = begin(), starts + 1
    wish.apply(rollout={"approval": "Automatic"}, paused=False)
    wish.until("Approved")
    took_s = time.monotonic() - began
    assert [one["metadata"]["name"] for one in wish.policies()] == ["chat-1"]
    keys = collections.Counter((one["kind"], one["key"]) for one in wish.records())
    assert [key for key, count in keys.items() if count > 1] == []
    moments = [moment for moment, _, _ in proxy.asked]
    windows = collections.Counter(int(moment // 10) for moment in moments)
    figures = {
        "minutes": round(took_s / 60, 1),
        "requests": len(moments),
        "per_s": round(len(moments) / took_s, 2),
        "most_in_10_s": max(windows.values()),
        "starts": starts,
        "faults": dict(proxy.done),
    }
    record_property("figures", figures)
    print(figures)  # noqa: T201 - the figures belong into the suite's log
    assert figures["per_s"] < MOST_PER_S
    assert figures["most_in_10_s"] < MOST_IN_TEN_S

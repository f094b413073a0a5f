"""500 GliaOptimizations on one operator: CPU, memory and look times while half are paused and half wait for a target.

Runs inside a test cluster: `PYTHONPATH=tests .venv/bin/python -m controlplane run .venv/bin/python
benchmarks/operator_500.py`. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.request
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
KUBECTL = str(pathlib.Path(sys.prefix) / "bin" / "kubectl")


def main() -> None:
    """Create the objects, start the operator, wait until all have a status, then measure at rest."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=500)
    options.add_argument("--seconds", type=int, default=120)
    given = options.parse_args()
    kubectl("apply", "-f", str(ROOT / "crds"))
    kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(ROOT / "crds"))
    for namespace in ("glia-system", "crowd"):
        subprocess.run([KUBECTL, "create", "namespace", namespace], capture_output=True, check=False)  # noqa: S603
    kubectl("apply", "-n", "crowd", "-f", "-", given=json.dumps(crowd(given.count)))
    health, metrics = port(), port()
    process = subprocess.Popen(  # noqa: S603 - our own program
        [
            str(pathlib.Path(sys.prefix) / "bin" / "glia"),
            "operate",
            f"--health-port={health}",
            f"--metrics-port={metrics}",
        ],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'sim'}"},
        stderr=subprocess.DEVNULL,
    )
    try:
        sys.stdout.write(json.dumps(measured(process.pid, metrics, given.count, given.seconds), indent=2) + "\n")
    finally:
        process.terminate()
        process.wait(15)


def measured(pid: int, metrics: int, count: int, seconds: int) -> dict[str, Any]:
    """Figures of the process."""
    began = time.monotonic()
    while sum(phases(metrics).values()) < count or phases(metrics).get("None", 0):
        time.sleep(1)
        if time.monotonic() - began > 600:  # noqa: PLR2004 - ten minutes
            raise SystemExit(f"after ten minutes: {phases(metrics)}")
    settled_s = time.monotonic() - began
    begun = histogram(metrics)
    time.sleep(10)
    cpu_s, at = cpu(pid), time.monotonic()
    time.sleep(seconds)
    used = (cpu(pid) - cpu_s) / (time.monotonic() - at)
    return {
        "objects": count,
        "settled_s": round(settled_s, 1),
        "cpu_cores_at_rest": round(used, 4),
        "rss_mb": round(memory_kb(pid, "VmRSS") / 1024, 1),
        "peak_rss_mb": round(memory_kb(pid, "VmHWM") / 1024, 1),
        "load_average": os.getloadavg()[1],
        "looks_while_it_began": begun["+Inf"],
        "look_s_while_it_began": quantiles(begun),
        "looks": histogram(metrics)["+Inf"],
        "look_s": quantiles(histogram(metrics)),
        "requests": requests(metrics),
        "phases": phases(metrics),
    }


def crowd(count: int) -> dict[str, Any]:
    """Half paused, half without a target."""
    items = [
        {
            "apiVersion": "glia.dev/v1alpha1",
            "kind": "GliaOptimization",
            "metadata": {"name": f"wish-{number:03d}"},
            "spec": {
                "target": {"workloadRef": {"name": f"vllm-{number:03d}"}},
                "offline": {"fleet": "paper-a10x4", "trace": "synthetic:paper?requests=300&seed=1"},
                "paused": number % 2 == 0,
            },
        }
        for number in range(count)
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def kubectl(*arguments: str, given: str | None = None) -> str:
    """Run kubectl."""
    return subprocess.run([KUBECTL, *arguments], input=given, capture_output=True, text=True, check=True).stdout  # noqa: S603


def port() -> int:
    """A free port."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def page(metrics: int) -> str:
    """The metrics; empty while there are none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def phases(metrics: int) -> dict[str, int]:
    """Optimisations by phase."""
    return {
        name: int(float(value)) for name, value in re.findall(r'glia_optimizations{phase="(\w+)"} (\S+)', page(metrics))
    }


def histogram(metrics: int) -> dict[str, int]:
    """Looks by upper bound of their time."""
    pattern = r'glia_reconcile_duration_seconds_bucket{le="([^"]+)"} (\S+)'
    return {bound: int(float(value)) for bound, value in re.findall(pattern, page(metrics))}


def quantiles(buckets: dict[str, int]) -> dict[str, float]:
    """Median and 99th percentile."""
    return {"p50": quantile(buckets, 0.5), "p99": quantile(buckets, 0.99)}


def quantile(buckets: dict[str, int], share: float) -> float:
    """Within the bucket that holds it the looks are taken as evenly spread, as Prometheus does."""
    wanted, low_s, below = share * buckets["+Inf"], 0.0, 0
    for bound, value in buckets.items():
        if value >= wanted:
            return round(low_s + (float(bound) - low_s) * (wanted - below) / (value - below), 4)
        low_s, below = float(bound), value
    return float("inf")


def requests(metrics: int) -> dict[str, int]:
    """Requests to the API by verb and code."""
    found = re.findall(r'glia_api_requests_total{code="(\d+)",verb="(\w+)"} (\S+)', page(metrics))
    return {f"{verb} {code}": int(float(value)) for code, verb, value in found}


def cpu(pid: int) -> float:
    """CPU seconds of the process and its threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kb(pid: int, name: str) -> int:
    """A line of the process's status."""
    return int(
        next(
            line.split()[1]
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith(name)
        )
    )


if __name__ == "__main__":
    main()

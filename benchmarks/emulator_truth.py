"""How true the emulator is to the twin, and what that costs; `--rate 5 --replicas 4` is the promise."""

from __future__ import annotations

import argparse
import csv
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import numpy as np

from glia_operator.emulator import settings
from glia_sim import fleet
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import trace

if TYPE_CHECKING:
    from collections.abc import Iterable

GLIA = [sys.executable, "-c", "import sys; from glia_operator.cli import main; sys.exit(main.main(sys.argv[1:]))"]
CONFIG = "replica: {gpu: A10, model: llama-3-8b}\n"
PORT = 18400
STARTING_S = 2.0
"""The load generator reads its trace first."""
TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


def _cpu_s(process: int) -> float:
    fields = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url):  # noqa: S310 - our own server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit(f"{url} does not answer")


def _differences(rows: list[dict[str, str]]) -> Iterable[tuple[str, np.ndarray]]:
    group = settings.loads(CONFIG, place="benchmark").group
    program = programs.compile(document.load("random"))
    ttft, e2e = [], []
    for target in {row["target"] for row in rows}:
        mine = sorted((row for row in rows if row["target"] == target), key=lambda row: float(row["server_arrival_s"]))
        column = {name: np.array([float(row[name]) for row in mine]) for name in ("server_arrival_s", "sent_s")}
        seen = trace.plain(
            "seen",
            column["server_arrival_s"],
            np.array([int(row["prompt_tokens"]) for row in mine]),
            np.array([int(row["output_tokens"]) for row in mine]),
        )
        run = runs.simulate(fleet.Fleet(name="one", groups=(group,)), seen, program)
        measured = {name: np.array([float(row[name]) for row in mine]) for name in ("first_token_s", "finish_s")}
        ttft.append(measured["first_token_s"] - column["sent_s"] - (run.first_token_s - run.arrival_s))
        e2e.append(measured["finish_s"] - column["sent_s"] - (run.finish_s - run.arrival_s))
    yield "TTFT", np.concatenate(ttft)
    yield "E2E", np.concatenate(e2e)


def main() -> None:
    """Print accuracy and processor time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicas", type=int, default=4)
    parser.add_argument("--rate", type=float, default=5.0, help="requests per second and replica")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--trace", default="chat-poisson")
    given = parser.parse_args()
    rate = given.rate * given.replicas
    with tempfile.TemporaryDirectory() as folder:
        config, out = pathlib.Path(folder) / "config.yaml", pathlib.Path(folder) / "out.csv"
        config.write_text(CONFIG, encoding="utf-8")
        ports = range(PORT, PORT + given.replicas)
        command = [*GLIA, "emulate", "--config", str(config), "--host", "127.0.0.1", "--port", str(PORT)]
        with subprocess.Popen([*command, "--replicas", str(given.replicas)]) as server:  # noqa: S603 - our own
            _wait(f"http://127.0.0.1:{ports[-1]}/health")
            before, began = _cpu_s(server.pid), time.monotonic()
            requests = f"synthetic:{given.trace}?seed=1&rate={rate}&requests={int(rate * given.seconds)}"
            targets = ",".join(f"http://127.0.0.1:{port}" for port in ports)
            load = [*GLIA, "load", "--trace", requests, "--targets", targets, "--out", str(out)]
            with subprocess.Popen(load) as sending:  # noqa: S603 - our own
                time.sleep(STARTING_S + given.seconds)
                arriving_s = _cpu_s(server.pid) - before
                sending.wait()
            cpu_s, took_s = _cpu_s(server.pid) - before, time.monotonic() - began
            server.terminate()
        rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    tokens = sum(int(row["received_tokens"]) for row in rows)
    print(f"{cpu_s / tokens * 1e6:.0f} us of processor time per token; {took_s:.0f} s, {tokens} tokens")
    print(f"{arriving_s / given.replicas / given.seconds:.3f} cores per replica over {given.seconds:.0f} s of arrivals")
    for name, found in _differences(rows):
        marks = np.quantile(np.abs(found), (0.5, 0.95, 0.99)) * 1e3
        print(f"{name} off the twin's: median {marks[0]:.2f} ms, p95 {marks[1]:.2f} ms, p99 {marks[2]:.2f} ms")


if __name__ == "__main__":
    main()

"""The process that holds one cluster together: process 1 of its namespaces; when it ends, everything ends."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from controlplane import components, faults, layout, namespaces, order, places

if TYPE_CHECKING:
    from collections.abc import Callable

START_S = 150.0
"""For each of two steps; 3 s are usual, and 40 s are seen on a machine that is ten times overloaded."""
STOP_S = 3.0
POLL_S = 0.05


class _Stop(Exception):  # noqa: N818 - not a fault; somebody asked
    """SIGTERM or SIGINT arrived."""


def main(folder: pathlib.Path) -> int:
    """Starts the cluster ordered in `folder`/order.json and keeps it until a signal or the end of any part."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    placed = order.read(folder)
    plan = placed.plan
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        if plan.isolated:
            make_network()
        components.prepare(plan, node_count=sum(placed.nodes.values()))
        _start(plan, placed, running)
        (folder / "ready").write_text(plan.api_url)
        return _watch(running)
    except _Stop:
        return 0
    except faults.ClusterFault as fault:
        (folder / "failed").write_text(str(fault))
        return 1
    finally:
        _end(running)


def make_network() -> None:
    """A bridge for the pods; addresses of Services end in this machine, where the node agent answers for them."""
    steps = [
        "link set lo up",
        f"link add {namespaces.BRIDGE} address {namespaces.BRIDGE_MAC} type bridge",
        f"addr add 10.99.0.1/16 dev {namespaces.BRIDGE}",
        f"link set {namespaces.BRIDGE} up",
        f"route add local {layout.SERVICE_RANGE} dev lo",
    ]
    for step in steps:
        subprocess.run(["ip", *step.split()], check=True)


def _start(plan: layout.Layout, placed: order.Order, running: dict[str, subprocess.Popen[bytes]]) -> None:
    commands = components.commands(plan, placed.programs)
    for name in ("etcd", "kube-apiserver"):
        running[name] = _launch(plan, name, commands[name])
    _wait(running, lambda: _answers(plan), "the API server to be ready")
    for name in ("kube-controller-manager", "kube-scheduler"):
        running[name] = _launch(plan, name, commands[name])
    agent = [sys.executable, "-m", "controlplane.agent", str(plan.folder)]
    running["node-agent"] = _launch(plan, "node-agent", agent)
    _wait(running, (plan.folder / "nodes-ready").exists, "the nodes to be ready")


def _launch(plan: layout.Layout, name: str, command: list[str]) -> subprocess.Popen[bytes]:
    tie = namespaces.TIED if shutil.which("setpriv") else []
    environment = {**os.environ, "PYTHONPATH": str(places.REPOSITORY / "tests")}
    with (plan.logs / f"{name}.log").open("ab") as log:
        return subprocess.Popen([*tie, *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)


def _wait(running: dict[str, subprocess.Popen[bytes]], done: Callable[[], bool], wanted: str) -> None:
    deadline = time.monotonic() + START_S
    while not done():
        ended = [name for name, process in running.items() if process.poll() is not None]
        if ended:
            raise faults.ClusterFault(f"{ended[0]} ended while waiting for {wanted}; its log says why")
        if time.monotonic() > deadline:
            raise faults.ClusterFault(f"waited {START_S:.0f} s in vain for {wanted}; the logs may say why")
        time.sleep(POLL_S)


def _answers(plan: layout.Layout) -> bool:
    trust = ssl.create_default_context(cafile=str(plan.pki / "ca.crt"))
    try:
        with urllib.request.urlopen(f"{plan.api_url}/readyz", context=trust, timeout=2) as answer:  # noqa: S310 - https
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _watch(running: dict[str, subprocess.Popen[bytes]]) -> int:
    """Collects ended processes, orphans of pods too, until one of the cluster's own parts ends."""
    parts = {process.pid: name for name, process in running.items()}
    while True:
        pid, status = os.wait()
        if pid in parts:
            raise faults.ClusterFault(
                f"{parts[pid]} ended with status {os.waitstatus_to_exitcode(status)}; its log says why"
            )


def _end(running: dict[str, subprocess.Popen[bytes]]) -> None:
    """The node agent first, because it ends the pods; the rest holds nothing that outlives the cluster."""
    for name, process in reversed(running.items()):
        process.send_signal(signal.SIGTERM if name == "node-agent" else signal.SIGKILL)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _stop(_signal: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise _Stop


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))

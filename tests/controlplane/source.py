"""Which cluster to use: one that is named, else one made here."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
from typing import TYPE_CHECKING

from controlplane import cluster, faults, local, namespaces, places

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND_NAME = "glia-test"


@contextlib.contextmanager
def opened(folder: pathlib.Path) -> Iterator[cluster.Cluster]:
    """A cluster for as long as this lasts; one made here lives in `folder`, and the calling thread in its network.

    In this order: GLIA_KUBECONFIG names a cluster made elsewhere; GLIA_CLUSTER names the folder of one started by
    `make cluster`; GLIA_CLUSTER_SOURCE=kind asks for kind; else a control plane of one's own. A fault says why not.
    """
    named, running = os.environ.get("GLIA_KUBECONFIG"), os.environ.get("GLIA_CLUSTER")
    if named:
        yield elsewhere(pathlib.Path(named))
    elif running:
        with entered(pathlib.Path(running)) as found:
            yield found
    elif wants_kind():
        with contextlib.ExitStack() as stack:
            kubeconfig = make_kind(folder)
            stack.callback(delete_kind, folder)
            yield elsewhere(kubeconfig)
    else:
        with local.running(folder), entered(folder) as made:
            yield made


def elsewhere(kubeconfig: pathlib.Path) -> cluster.Cluster:
    """A cluster that somebody else made; a fault unless it answers."""
    found = cluster.Cluster(kubeconfig=kubeconfig, folder=None)
    if not kubeconfig.is_file():
        raise faults.ClusterFault(f"GLIA_KUBECONFIG names {kubeconfig}, which is no file")
    found.kubectl("version", timeout_s=20)
    return found


@contextlib.contextmanager
def entered(folder: pathlib.Path) -> Iterator[cluster.Cluster]:
    """The cluster that runs in `folder`, with the calling thread in its network."""
    pid = local.holder(folder)
    if pid is None:
        raise faults.ClusterFault(f"no cluster runs in {folder}: start one with `make cluster`")
    isolated = local.is_isolated(folder)
    found = cluster.Cluster(kubeconfig=folder / "kubeconfig", folder=folder, isolated=isolated)
    with namespaces.inside(pid) if isolated else contextlib.nullcontext():
        yield found


def wants_kind() -> bool:
    """Whether kind is asked for."""
    return os.environ.get("GLIA_CLUSTER_SOURCE") == "kind"


def make_kind(folder: pathlib.Path) -> pathlib.Path:
    """Makes a cluster with kind and returns its kubeconfig; a fault where Docker or kind do not work."""
    why = kind_trouble()
    if why:
        raise faults.ClusterFault(why)
    folder.mkdir(parents=True, exist_ok=True)
    kubeconfig = folder / "kubeconfig"
    places.say("creating a cluster with kind")
    command = ["kind", "create", "cluster", "--name", KIND_NAME, "--kubeconfig", str(kubeconfig), "--wait", "120s"]
    if subprocess.run(command, check=False).returncode:
        raise faults.ClusterFault("kind could not make a cluster; its own words stand above")
    return kubeconfig


def delete_kind(folder: pathlib.Path) -> None:
    """Deletes what `make_kind` made."""
    command = ["kind", "delete", "cluster", "--name", KIND_NAME, "--kubeconfig", str(folder / "kubeconfig")]
    subprocess.run(command, check=False)


def kind_trouble() -> str | None:
    """Why kind cannot be used here; None where it can."""
    for program in ("docker", "kind"):
        if shutil.which(program) is None:
            return f"kind was asked for, and there is no {program} command"
    engine = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    return (
        f"kind was asked for, and Docker does not answer: {engine.stderr.strip()[:200]}" if engine.returncode else None
    )

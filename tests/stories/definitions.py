"""The custom resources' definitions in a cluster for as long as a folder of tests needs them."""

from __future__ import annotations

import contextlib
import pathlib
import time
from typing import TYPE_CHECKING, Any

from glia_operator.api import crds
from glia_operator.plugin import cluster as clusters
from glia_operator.plugin import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

POLL_S = 0.1
FOLDER = str(pathlib.Path(__file__).resolve().parents[2] / "crds")


@contextlib.contextmanager
def present(cluster: Any) -> Iterator[None]:
    """The definitions are there and served; those that were not there before go again, so that a chart can own them."""
    before = {one["metadata"]["name"] for one in cluster.get("crds")}
    new = [kind.crd_name for kind in crds.KINDS if kind.crd_name not in before]
    if new:
        cluster.kubectl("apply", "--server-side", "-f", FOLDER)
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=240s", "-f", FOLDER)
        _await_service(cluster)
    try:
        yield
    finally:
        if new:
            cluster.kubectl("delete", "crd", *new, "--timeout=240s")


def _await_service(cluster: Any) -> None:
    """An established kind may take a moment until it is served."""
    where = wire.connect(wire.Login(kubeconfig=str(cluster.kubeconfig)))
    for kind in crds.KINDS:
        for _ in range(600):
            with contextlib.suppress(clusters.Missing):
                where.items(kind.name)
                break
            time.sleep(POLL_S)

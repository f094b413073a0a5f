"""One cluster for the whole run of the end-to-end tests; without one they skip and say why."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import tempfile
import uuid

import pytest

from controlplane import cluster as clusters
from controlplane import faults, places, source

HERE = pathlib.Path(__file__).parent
WHY_NONE = pytest.StashKey[str]()


def pytest_collection_modifyitems(items):
    """All that stands in this folder is end-to-end."""
    for item in items:
        if HERE in pathlib.Path(item.fspath).parents:
            item.add_marker(pytest.mark.e2e)


def pytest_terminal_summary(terminalreporter, config):
    """A run without a cluster says so where nobody overlooks it."""
    why = config.stash.get(WHY_NONE, None)
    if why is not None:
        terminalreporter.section("END-TO-END TESTS DID NOT RUN: NO CLUSTER", red=True, bold=True)
        terminalreporter.line(why)


@pytest.fixture(scope="session")
def cluster(request):
    """A cluster that answers; pytest itself is in its network, so pods are reached by their addresses.

    The logs of the latest run are kept in ~/.cache/glia/e2e-logs.
    """
    folder = pathlib.Path(tempfile.mkdtemp(prefix="glia-e2e-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(_keep_logs, folder / "cluster")
        try:
            made = stack.enter_context(source.opened(folder / "cluster"))
        except faults.ClusterFault as fault:
            request.config.stash[WHY_NONE] = str(fault)
            pytest.skip(f"no cluster: {fault}")
        yield made


def _keep_logs(folder):
    """The logs of the latest run, where a developer and CI find them."""
    kept = places.cache() / "e2e-logs"
    if (folder / "logs").is_dir():
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder / "logs", kept)
        shutil.move(folder / "audit.log", kept)


@pytest.fixture
def local_cluster(cluster):
    """A cluster with the node agent; others skip, because their pods are not processes of this machine."""
    if cluster.folder is None or not cluster.isolated:
        pytest.skip("this cluster has no node agent with namespaces: unset GLIA_KUBECONFIG and GLIA_CLUSTER_SOURCE")
    return cluster


@pytest.fixture
def namespace(cluster):
    """A namespace of the test's own, deleted at its end."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    cluster.kubectl("create", "namespace", name)
    path = f"namespace {name} to have its ServiceAccount"
    clusters.until(path, lambda: cluster.get("serviceaccounts", "-n", name))
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")

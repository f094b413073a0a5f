"""Which cluster is used, in which order, and what is said where none can be had."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

from controlplane import __main__ as command
from controlplane import cluster, faults, local, places, source


def script(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """Nothing is named, and nothing real is started."""
    for name in ("GLIA_KUBECONFIG", "GLIA_CLUSTER", "GLIA_CLUSTER_SOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(source, "elsewhere", lambda path: cluster.Cluster(kubeconfig=path, folder=None, isolated=False))
    monkeypatch.setattr(source, "entered", lambda folder: contextlib.nullcontext(f"entered {folder.name}"))
    monkeypatch.setattr(local, "running", lambda _folder: contextlib.nullcontext())
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path


def opened(folder):
    with source.opened(folder) as found:
        return found


def test_a_named_kubeconfig_wins_then_a_running_cluster_then_one_made_here(bare, monkeypatch):
    assert opened(bare / "own") == "entered own"
    monkeypatch.setenv("GLIA_CLUSTER", str(bare / "running"))
    assert opened(bare / "own") == "entered running"
    monkeypatch.setenv("GLIA_KUBECONFIG", str(bare / "kubeconfig"))
    assert opened(bare / "own").kubeconfig == bare / "kubeconfig"


def test_kind_is_used_when_asked_for_and_its_cluster_deleted_at_the_end(bare, monkeypatch):
    monkeypatch.setenv("GLIA_CLUSTER_SOURCE", "kind")
    script(bare / "bin" / "docker", "exit 0")
    script(bare / "bin" / "kind", f'echo "$1" >> {bare}/asked')
    assert opened(bare / "own").kubeconfig == bare / "own" / "kubeconfig"
    assert (bare / "asked").read_text().split() == ["create", "delete"]


def test_kind_without_a_docker_engine_is_a_fault(bare, monkeypatch):
    monkeypatch.setenv("GLIA_CLUSTER_SOURCE", "kind")
    script(bare / "bin" / "docker", "echo no engine >&2; exit 1")
    script(bare / "bin" / "kind", "exit 0")
    with pytest.raises(faults.ClusterFault, match="Docker does not answer: no engine"):
        opened(bare / "own")


def test_a_folder_with_other_things_in_it_is_not_taken_for_a_cluster(tmp_path):
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(faults.ClusterFault, match="holds something else than a cluster"):
        local._clear(tmp_path)
    assert (tmp_path / "letter").exists()


def test_nothing_is_started_where_a_cluster_is_named(bare, monkeypatch, capsys):
    monkeypatch.setenv("GLIA_KUBECONFIG", str(bare / "kubeconfig"))
    monkeypatch.setattr(command.local, "start", None)
    assert command.main(["start"]) == 0
    assert "nothing is started" in capsys.readouterr().out


def test_without_a_cluster_tests_skip_and_the_run_says_why(tmp_path):
    environment = {**os.environ, "GLIA_KUBECONFIG": str(tmp_path / "none")}
    pytest_ = [sys.executable, "-m", "pytest", "-m", "smoke", "tests/e2e/controlplane", "-p", "no:cacheprovider"]
    run = subprocess.run(  # noqa: S603 - our own
        pytest_, cwd=places.REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0
    assert "END-TO-END TESTS DID NOT RUN: NO CLUSTER" in run.stdout
    assert "which is no file" in run.stdout
    assert "passed" not in run.stdout

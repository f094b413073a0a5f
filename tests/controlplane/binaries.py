"""The four programs of a control plane: named ones first, else built once from Go modules and kept."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import platform
import shutil
import time

from controlplane import faults, measured, namespaces, places, toolchain, versions

MODULE = pathlib.Path(__file__).parent
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
}
STAMP = "k8s.io/component-base/version"
TICK_S = 15.0


def resolve() -> dict[str, pathlib.Path]:
    """Path of each program: from KUBEBUILDER_ASSETS where that folder has it, else from the cache, built if missing."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    return {name: _named(name, assets) or _kept(name) for name in PACKAGES}


def folder() -> pathlib.Path:
    """Where builds of these versions are kept, with a json beside each that says what its build took."""
    return places.cache() / f"controlplane-k8s{versions.KUBERNETES}-etcd{versions.ETCD}-{platform.machine()}"


def costs() -> dict[str, dict[str, float]]:
    """What each kept build took, by program."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder().glob("*.json"))}


def _named(name: str, assets: str | None) -> pathlib.Path | None:
    path = pathlib.Path(assets, name) if assets else None
    return path if path and os.access(path, os.X_OK) else None


def _kept(name: str) -> pathlib.Path:
    path = folder() / name
    if not path.exists():
        with places.locked("controlplane"):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    _build(name, path)
                except faults.ClusterFault as fault:
                    return _installed(name, fault)
    return path


def _installed(name: str, fault: faults.ClusterFault) -> pathlib.Path:
    """The machine's own program in place of one that cannot be built; only etcd is alike in all versions since 3.4."""
    found = shutil.which(name) if name == "etcd" else None
    if found is None:
        raise fault
    places.say(f"using {found}, because the pinned {name} cannot be built: {fault}")
    return pathlib.Path(found)


def _build(name: str, target: pathlib.Path) -> None:
    """Builds beside the target and renames at the end, so that a target is whole or absent."""
    partial = target.with_suffix(".partial")
    places.say(f"building {name} from Go modules; only the first time, minutes each for the kube- programs")
    cost = measured.run(command(name, partial), folder=MODULE, environment=environment(), tick=_Progress(name))
    record = {**dataclasses.asdict(cost), "binary_bytes": partial.stat().st_size, "go": _go_text()}
    target.with_suffix(".json").write_text(json.dumps(record, indent=1))
    partial.replace(target)
    places.say(f"built {name} in {cost.wall_s:.0f} s, peak memory {cost.peak_bytes / 1e9:.2f} GB")


def command(name: str, target: pathlib.Path) -> list[str]:
    """The build; the version is stamped because helm cannot parse v0.0.0-master."""
    major, minor, _ = versions.KUBERNETES.split(".")
    stamps = {"gitVersion": f"v{versions.KUBERNETES}", "gitMajor": major, "gitMinor": minor}
    flags = " ".join(["-s", "-w", *(f"-X {STAMP}.{key}={value}" for key, value in stamps.items())])
    go = [*_gently(), str(toolchain.go()), "build", "-v", "-trimpath", "-tags", "grpcnotrace", "-ldflags", flags]
    return [*go, "-o", str(target), PACKAGES[name]]


def environment() -> dict[str, str]:
    """The caller's environment with the build's own settings: this go, no C, no downloads beyond go.sum."""
    return {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"}


def _gently() -> list[str]:
    """Behind everybody's work, and ended with whoever asked for it."""
    tied = namespaces.TIED if shutil.which("setpriv") else []
    return [*tied, *(["nice", "-n", "10"] if shutil.which("nice") else [])]


def _go_text() -> str:
    return ".".join(map(str, toolchain.version(str(toolchain.go()))))


class _Progress:
    """Says every TICK_S how far a build is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.next_s = time.monotonic() + TICK_S

    def __call__(self, elapsed_s: float, packages: int) -> None:
        if time.monotonic() >= self.next_s:
            self.next_s += TICK_S
            places.say(f"  {self.name}: {elapsed_s:.0f} s, {packages} packages compiled")

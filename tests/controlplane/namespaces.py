"""Making and entering namespaces, and knowing whether this machine allows them."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import pathlib
import subprocess
from typing import TYPE_CHECKING

from controlplane import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = ["unshare", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
"""A command behind these sees a network and processes of its own, and all of them end with it."""
AS_ROOT = ["--user", "--map-root-user"]
"""Added to OWN for people who are not root."""
TIED = ["setpriv", "--pdeathsig", "KILL"]
"""A command behind these ends when the process that started it ends, however that ends."""
BRIDGE = "glia0"
BRIDGE_MAC = "02:67:6c:69:61:00"
"""Fixed: a bridge without an address of its own changes it with its ports, and neighbours lose it for a while."""
PROBE = """set -e
ip link add probe0 type bridge
ip link add probe1 type veth peer name probe2
unshare --mount true
echo fine
"""


@functools.cache
def own() -> list[str]:
    """What to put before a command to give it namespaces of its own; a fault says why that is not allowed here."""
    reasons = []
    for prefix in (OWN, [*OWN, *AS_ROOT]):
        try:
            answer = subprocess.run(
                [*prefix, "sh", "-c", PROBE], capture_output=True, text=True, check=False, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise faults.ClusterFault(f"unshare does not run ({fault})") from None
        if answer.stdout.strip() == "fine":
            return prefix
        reasons.append(answer.stderr.strip() or f"exit code {answer.returncode}")
    raise faults.ClusterFault(f"a private network with bridge and veth is refused ({'; '.join(reasons)})")


def enter(pid: int) -> None:
    """Moves the calling thread, and all that it starts from now on, into the network of process `pid`.

    If that belongs to a user namespace, as for people who are not root, the whole process enters it, for good; it must
    not have begun other threads.
    """
    there = pathlib.Path(f"/proc/{pid}/ns")
    if (there / "user").readlink() != pathlib.Path("/proc/thread-self/ns/user").readlink():
        _setns(there / "user")
    _setns(there / "net")


@contextlib.contextmanager
def inside(pid: int) -> Iterator[None]:
    """The calling thread is in the network of process `pid` for as long as this lasts."""
    with pathlib.Path("/proc/thread-self/ns/net").open("rb") as home:
        alone = pathlib.Path("/proc/thread-self/ns/user").readlink()
        enter(pid)
        try:
            yield
        finally:
            if pathlib.Path("/proc/thread-self/ns/user").readlink() == alone:
                _switch(home.fileno(), "the network left before")


def _setns(path: pathlib.Path) -> None:
    with path.open("rb") as wanted:
        _switch(wanted.fileno(), str(path))


def _switch(descriptor: int, name: str) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, 0):
        why = os.strerror(ctypes.get_errno())
        raise faults.ClusterFault(f"{name} refuses entry ({why}); without root, enter before any thread is started")

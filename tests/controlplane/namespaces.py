"""Entering and making network namespaces, and knowing whether this machine allows them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
OWN = ["unshare", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
"""A command behind these sees a network and processes of its own, and all of them end with it."""
TIED = ["setpriv", "--pdeathsig", "KILL"]
"""A command behind these ends when the process that started it ends, however that ends."""
BRIDGE = "glia0"
BRIDGE_MAC = "02:67:6c:69:61:00"
"""Fixed: a bridge without an address of its own changes it with its ports, and neighbours lose it for a while."""


def trouble() -> str | None:
    """Why namespaces cannot be used here; None where they can."""
    script = "ip link add probe0 type bridge && ip link add probe1 type veth peer name probe2 && echo fine"
    try:
        answer = subprocess.run([*OWN, "sh", "-c", script], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as fault:
        return f"unshare does not run ({fault})"
    if answer.stdout.strip() == "fine":
        return None
    return f"a private network with bridge and veth is refused ({answer.stderr.strip() or answer.returncode})"


def enter(pid: int) -> None:
    """Moves the calling thread, and all that it starts from now on, into the network of process `pid`."""
    with pathlib.Path(f"/proc/{pid}/ns/net").open("rb") as wanted:
        _setns(wanted.fileno())


@contextlib.contextmanager
def inside(pid: int) -> Iterator[None]:
    """The calling thread is in the network of process `pid` for as long as this lasts."""
    with pathlib.Path("/proc/thread-self/ns/net").open("rb") as home:
        enter(pid)
        try:
            yield
        finally:
            _setns(home.fileno())


def _setns(descriptor: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"the network namespace refuses entry: {os.strerror(ctypes.get_errno())}")

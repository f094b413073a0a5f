"""Where binaries and clusters live, and how two processes agree on who builds."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def cache() -> pathlib.Path:
    """The folder that outlives checkouts: GLIA_CACHE, else ~/.cache/glia."""
    return pathlib.Path(os.environ.get("GLIA_CACHE") or pathlib.Path.home() / ".cache" / "glia")


def default_state() -> pathlib.Path:
    """The folder of the cluster that `make cluster` starts."""
    return cache() / "cluster"


def say(text: str) -> None:
    """One line of progress, on stderr so that stdout stays for answers."""
    print(f"cluster: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Holds the lock `name` of the cache; whoever comes second waits and finds the work done."""
    folder = cache() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process makes {name}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield

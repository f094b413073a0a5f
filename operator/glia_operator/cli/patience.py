"""Tells on standard error what takes long, while it does."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

AFTER_S = 1.5
EVERY_S = 5.0


@contextlib.contextmanager
def telling(what: str) -> Iterator[None]:
    """Say `what` is going on if the block takes longer than `AFTER_S`, and every `EVERY_S` how long it has taken."""
    done = threading.Event()
    teller = threading.Thread(target=_tell, args=(what, done), daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _tell(what: str, done: threading.Event) -> None:
    began = time.monotonic()
    if done.wait(AFTER_S):
        return
    sys.stderr.write(f"{what} (about half a minute) ...\n")
    while not done.wait(EVERY_S):
        sys.stderr.write(f"  {time.monotonic() - began:.0f} s\n")
        sys.stderr.flush()
    sys.stderr.write(f"  done after {time.monotonic() - began:.0f} s\n")

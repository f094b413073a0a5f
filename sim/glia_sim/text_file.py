"""Texts from outside: read once, whole, and never more than is sensible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_sim import faults

if TYPE_CHECKING:
    import pathlib


def read(path: pathlib.Path, *, what: str, most_bytes: int) -> str:
    """The text of a regular UTF-8 file.

    Args:
        path: the file; pipes, devices and folders are refused, which might never end or answer.
        what: what the file should be, as in "a trace".
        most_bytes: a longer file is refused.

    Raises:
        InputFault: naming the file and what is wrong with it.
    """
    shown = str(path)
    try:
        if not path.is_file():
            reason = "this is not a regular file" if path.exists() else "there is no such file"
            raise faults.InputFault(f"{shown}: {reason}; give the path of {what}")
        with path.open("rb") as stream:
            content = stream.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise faults.InputFault(f"{shown}: not readable: {reason}; give the path of {what}") from None
    if len(content) > most_bytes:
        raise faults.InputFault(f"{shown}: larger than the {most_bytes:,} bytes that {what} may have")
    return _decoded(content, shown, what)


def _decoded(content: bytes, shown: str, what: str) -> str:
    if b"\0" in content:
        raise faults.InputFault(f"{shown}: a binary file; {what} is UTF-8 text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise faults.InputFault(f"{shown}, line {line}: not UTF-8 text; {what} is UTF-8 text") from None

"""Writing results: refused before the work when it cannot succeed, and whole or not at all."""

from __future__ import annotations

import os
import pathlib
import tempfile

from glia_sim import faults


def writable(path: pathlib.Path) -> pathlib.Path:
    """The path itself, if a file can be written there.

    Raises:
        InputFault: what stands in the way.
    """
    folder = path.parent
    if not folder.is_dir():
        raise faults.InputFault(f"{path}: there is no folder {folder} to write to")
    if path.is_dir():
        raise faults.InputFault(f"{path}: is a folder; give the name of a file")
    if not os.access(folder, os.W_OK):
        raise faults.InputFault(f"{path}: the folder {folder} cannot be written to")
    return path


def write(path: pathlib.Path, text: str) -> None:
    """Put the text in place in one step, or leave everything as it was; InputFault says why."""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as stream:
            beside = pathlib.Path(stream.name)
            try:
                stream.write(text)
                stream.close()
                beside.chmod(0o644)
                beside.replace(path)
            except OSError:
                beside.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise faults.InputFault(f"{path}: not written: {error.strerror}") from error

"""`glia crds`: the CustomResourceDefinitions as files, or their reference page."""

from __future__ import annotations

import pathlib
import sys

from glia_operator.api import crds, reference
from glia_operator.cli import files
from glia_sim import faults


def run(out: str | None, *, as_reference: bool) -> None:
    """Write a file per kind into the folder, or all of them to standard output.

    Raises:
        InputFault: the folder cannot be written to.
    """
    if as_reference:
        sys.stdout.write(reference.page())
        return
    if out is None:
        sys.stdout.write("---\n".join(crds.files().values()))
        return
    folder = pathlib.Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise faults.InputFault(f"{folder}: not a folder to write to: {error.strerror}") from None
    for name, text in crds.files().items():
        files.write(files.writable(folder / name), text)

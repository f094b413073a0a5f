"""Runs a command in the network of a cluster: `tests/controlplane/inside.py [--state DIR] COMMAND...`.

The command finds KUBECONFIG set, and kubectl of the virtualenv first on its path.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

if __name__ == "__main__":
    sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])

from controlplane import local, namespaces, places


def main(arguments: list[str]) -> int:
    """Runs the command; 1 where no cluster runs."""
    folder = places.default_state()
    if arguments[:1] == ["--state"] and len(arguments) > 1:
        folder, arguments = pathlib.Path(arguments[1]).resolve(), arguments[2:]
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    pid = local.holder(folder)
    if pid is None or not command:
        places.say(
            "usage: inside.py [--state DIR] COMMAND..." if pid else f"no cluster runs in {folder}; `make cluster`"
        )
        return 1
    if local.is_isolated(folder):
        namespaces.enter(pid)
    os.environ.update(local.environment(folder))
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

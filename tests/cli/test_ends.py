"""SIGTERM ends a command also where it is the first process of a container, which gets only what it handles."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

BEGIN = """
import os, time
os.getpid = lambda: {pid}
from glia_operator.cli import kubectl, main
def long(*_, **__):
    print("begun", flush=True)
    time.sleep(60)
kubectl.main = long
main.run()
"""


@pytest.mark.parametrize(("pid", "status"), [(1, 143), (2, -signal.SIGTERM)])
def test_sigterm_ends_whatever_has_begun(pid, status):
    command = [sys.executable, "-c", BEGIN.format(pid=pid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own program
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == status

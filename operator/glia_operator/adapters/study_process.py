"""A study's process, and the lines of JSON to and from it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from typing import Any, Protocol

LONGEST_LINE = 8_000_000


class Process(Protocol):
    """A process that runs one study."""

    async def write(self, message: dict[str, Any]) -> None:
        """Send one message."""
        ...

    async def read(self) -> dict[str, Any] | None:
        """The next message; None when the process ended."""
        ...

    async def kill(self) -> str:
        """End it and every process it started; how it ended, in words."""
        ...


class StudyProcess:
    """A real one: a fresh interpreter at the head of a process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, executor: str = "local") -> StudyProcess:
        """Begin; simulations will run in this executor (`adapters.executors`)."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "glia_operator.adapters.study_child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env={**os.environ, "GLIA_EXECUTOR": executor},
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Of the process, and of its group."""
        return self._process.pid

    async def write(self, message: dict[str, Any]) -> None:
        """Send one message; a process that is gone is found out by `read`."""
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            await self._process.stdin.drain()

    async def read(self) -> dict[str, Any] | None:
        """The next message; None when the process ended, or said something that is none."""
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        try:
            line = await self._process.stdout.readline()
            return dict(json.loads(line)) if line.endswith(b"\n") else None
        except ValueError:
            return None

    async def kill(self) -> str:
        """End it and every process it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = await self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit status {code}"


class ScriptedProcess:
    """Fake: says what it was told to say; a record waits for its acknowledgement.

    Args:
        script: messages, in order; after the last one the process has ended. A callable is called with what was
            written so far, and says the message.
    """

    def __init__(self, script: list[Any]) -> None:
        self._script = list(script)
        self.written: list[dict[str, Any]] = []
        self.killed = False
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def write(self, message: dict[str, Any]) -> None:
        """Note it."""
        self.written.append(message)

    async def read(self) -> dict[str, Any] | None:
        """The next message of the script, once `go_on` is set."""
        await self.go_on.wait()
        if not self._script:
            return None
        message = self._script.pop(0)
        return dict(message(self.written) if callable(message) else message)

    async def kill(self) -> str:
        """Note it."""
        self.killed = True
        return "exit status 1"

"""A container's processes: a root of its own over this machine's files, its pod's network, its volumes.

What a container writes outside its volumes is gone when it ends. Its first process is process 1, as in production: it
gets no signal that it does not handle, except SIGKILL. User ids and resource limits are not imposed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import pathlib
import shlex
import shutil
import signal
from typing import TYPE_CHECKING

from controlplane import faults, namespaces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

POLL_S = 0.005
ROOT = pathlib.Path(__file__).parent / "root.sh"
ALL = ["-m", "-n", "-u", "-p", "-r", "-w"]
TOOLS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FIRST = 'exec 3>&2 2>/dev/null; (exec "$0" --pdeathsig KILL /bin/sh "$1" 2>&3 3>&-); exit $?'
"""After `unshare --pid` the next process is process 1. `unshare --fork` would do, but loses the exit code of a kill."""
IN_FOLDER = 'cd "$0" && exec "$@"'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that starting a container's process needs."""

    command: Sequence[str]
    environment: Mapping[str, str]
    workdir: str
    mounts: Sequence[tuple[pathlib.Path, str, bool]]
    hosts: Mapping[str, str]
    """Texts of files to write into the root, by absolute path."""
    read_only_root: bool
    pause_pid: int | None
    """The process that holds the pod's network; None where the machine allows no namespaces."""
    folder: pathlib.Path
    log: pathlib.Path


class Process:
    """A container's first process while it runs."""

    def __init__(self, outer: asyncio.subprocess.Process, pid: int, recipe: Recipe) -> None:
        self.outer = outer
        self.pid = pid
        self.recipe = recipe

    def send(self, number: signal.Signals) -> None:
        """Signals the first process; nothing happens if it has just ended."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return

    async def wait(self) -> int:
        """The exit code as a container runtime reports it: 128 + n for an end by signal n."""
        code = await self.outer.wait()
        if self.recipe.pause_pid is None:
            _end_group(self.outer.pid)
        return code if code >= 0 else 128 - code

    async def execute(self, command: Sequence[str]) -> int:
        """Runs a command inside the container and returns its exit code; output is dropped."""
        enter = [] if self.recipe.pause_pid is None else ["nsenter", "-t", str(self.pid), *ALL]
        process = await asyncio.create_subprocess_exec(
            *namespaces.TIED, *enter, *command,
            env=dict(self.recipe.environment),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            return await process.wait()
        except asyncio.CancelledError:
            process.kill()
            raise


async def start(recipe: Recipe) -> Process:
    """Starts a container; a command that does not exist ends at once with exit code 127, as a shell reports it."""
    recipe.folder.mkdir(parents=True, exist_ok=True)
    recipe.log.parent.mkdir(parents=True, exist_ok=True)
    pid_file = recipe.folder / "pid"
    pid_file.unlink(missing_ok=True)
    script = recipe.folder / "enter.sh"
    script.write_text(_plain(recipe, pid_file) if recipe.pause_pid is None else _isolated(recipe, pid_file))
    enter = ["/bin/sh"] if recipe.pause_pid is None else _enter(recipe.pause_pid)
    tied = [str(shutil.which(namespaces.TIED[0])), *namespaces.TIED[1:]]
    with recipe.log.open("ab") as log:
        outer = await asyncio.create_subprocess_exec(
            *tied, *enter, str(script),
            env=dict(recipe.environment), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    while not pid_file.exists():
        if outer.returncode is not None:
            raise faults.ClusterFault(f"the sandbox did not start; {recipe.log} says why")
        await asyncio.sleep(POLL_S)
    return Process(outer, int(pid_file.read_text()), recipe)


def _enter(pause_pid: int) -> list[str]:
    network = [str(shutil.which("nsenter")), "-t", str(pause_pid), "-n", "-u"]
    return [
        *network,
        str(shutil.which("unshare")),
        "--mount",
        "--pid",
        "/bin/sh",
        "-c",
        FIRST,
        str(shutil.which("setpriv")),
    ]


def _tell_pid(pid_file: pathlib.Path) -> list[str]:
    """Only a shell's own redirection sees its own pid, as the agent counts it, in /proc/self."""
    target = shlex.quote(str(pid_file))
    return ["read -r pid rest < /proc/self/stat", f'echo "$pid" > {target}.partial && mv {target}.partial {target}']


def _isolated(recipe: Recipe, pid_file: pathlib.Path) -> str:
    scratch = recipe.folder / "scratch"
    scratch.mkdir(exist_ok=True)
    lines = [
        "set -e",
        *_tell_pid(pid_file),
        f"wanted_path=$PATH PATH={TOOLS} S={shlex.quote(str(scratch))}",
        f". {shlex.quote(str(ROOT))}",
        "make_root",
        *(shlex.join(["write_file", path, text]) for path, text in recipe.hosts.items()),
        *(line for mount in recipe.mounts for line in _mount(*mount)),
        *(["seal"] if recipe.read_only_root else []),
        "PATH=$wanted_path",
        f'exec {shutil.which("chroot")} "$R" /bin/sh -c {_final(recipe)}',
    ]
    return "\n".join(lines) + "\n"


def _mount(source: pathlib.Path, target: str, read_only: bool) -> list[str]:  # noqa: FBT001 - unpacked from a table
    added = shlex.join(["add_file" if source.is_file() else "add_folder", str(source), target])
    return [added, 'mount -o remount,bind,ro "$T"'] if read_only else [added]


def _plain(recipe: Recipe, pid_file: pathlib.Path) -> str:
    return "\n".join([*_tell_pid(pid_file), f"exec /bin/sh -c {_final(recipe)}"]) + "\n"


def _final(recipe: Recipe) -> str:
    return shlex.join([IN_FOLDER, recipe.workdir, *recipe.command])


def _end_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return

"""Addresses of nodes and pods, and the small networks in which pods live."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controlplane import layout, namespaces

if TYPE_CHECKING:
    import pathlib

PODS_PER_NODE = 250
FIRST = 2


class Addresses:
    """Hands out pod addresses of one node; a released address rests as long as possible."""

    def __init__(self, plan: layout.Layout, index: int) -> None:
        prefix = plan.node_address(index).rsplit(".", 1)[0]
        self.free = [f"{prefix}.{last}" for last in range(FIRST, FIRST + PODS_PER_NODE)]

    def take(self) -> str:
        return self.free.pop(0)

    def release(self, address: str) -> None:
        self.free.append(address)


async def add_node_address(address: str) -> None:
    """The node answers under this address on the bridge."""
    await run("ip", "addr", "add", f"{address}/32", "dev", namespaces.BRIDGE)


async def open_pod(address: str, hostname: str, log: pathlib.Path) -> asyncio.subprocess.Process:
    """A process that holds a new network with one interface of this address, and the pod's host name.

    The network lasts as long as the process. The process's own end is tied to the agent's.
    """
    keep = 'printf %s "$0" > /proc/sys/kernel/hostname; echo ready; exec sleep infinity'
    command = [*namespaces.TIED, "unshare", "--net", "--uts", "sh", "-c", keep, hostname[:63]]
    with log.open("ab") as errors:
        pause = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=errors, stdin=asyncio.subprocess.DEVNULL
        )
    if pause.stdout is None or not await pause.stdout.readline():
        raise OSError(f"no network for the pod {hostname}: see {log}")
    await _connect(address, pause.pid)
    return pause


async def _connect(address: str, pid: int) -> None:
    octets = [int(part) for part in address.split(".")]
    link, mac = f"v{octets[2]}-{octets[3]}", "02:00:" + ":".join(f"{octet:02x}" for octet in octets)
    enter = ["nsenter", "-t", str(pid), "-n", "ip"]
    await run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "address", mac, "netns", str(pid))
    await run("ip", "link", "set", link, "master", namespaces.BRIDGE, "up")
    await run(*enter, "link", "set", "lo", "up")
    await run(*enter, "addr", "add", f"{address}/16", "dev", "eth0")
    await run(*enter, "link", "set", "eth0", "up")
    await run(*enter, "route", "add", "default", "via", "10.99.0.1")


async def run(*command: str) -> str:
    """Runs a short command to its end; its failure is an OSError with its words."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    out, errors = await process.communicate()
    if process.returncode:
        raise OSError(f"`{' '.join(command)}` failed: {errors.decode(errors='replace').strip()}")
    return out.decode()

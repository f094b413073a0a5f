"""A socket by which tests take nodes down and bring them back."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING

from controlplane import faults, layout

if TYPE_CHECKING:
    from controlplane.agent import node

VERBS = ("down", "cut-off", "up")


async def serve(plan: layout.Layout, nodes: dict[str, node.Node]) -> None:
    """Answers one line `{"node": NAME, "do": VERB}` per connection with `{"error": null or why}`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readline())
        writer.write(json.dumps({"error": await _do(nodes, asked["node"], asked["do"])}).encode() + b"\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(answer, plan.control_socket)
    await server.serve_forever()


async def _do(nodes: dict[str, node.Node], name: str, verb: str) -> str | None:
    if name not in nodes:
        return f"no node {name!r} here, but {', '.join(nodes)}"
    if verb == "down":
        await nodes[name].go_down()
    elif verb == "cut-off":
        nodes[name].cut_off()
    elif verb == "up":
        await nodes[name].come_back()
    else:
        return f"a node can be told {', '.join(VERBS)}, not {verb!r}"
    return None


def ask(path: str, name: str, verb: str) -> None:
    """Tells the agent behind the socket `path` to do `verb` to the node `name`."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        line.sendall(json.dumps({"node": name, "do": verb}).encode() + b"\n")
        error = json.loads(line.makefile().readline())["error"]
    if error:
        raise faults.ClusterFault(error)

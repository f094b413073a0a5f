"""A socket by which tests take nodes down, bring them back, and signal processes of pods."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from typing import TYPE_CHECKING, Any

from controlplane import faults

if TYPE_CHECKING:
    from controlplane import layout
    from controlplane.agent import node

VERBS = ("down", "cut-off", "up")


async def serve(plan: layout.Layout, nodes: dict[str, node.Node]) -> None:
    """Answers one question a connection: a line of JSON, answered by `{"error": null or why}`.

    `{"node": NAME, "do": one of VERBS}`, or `{"pod": "NAMESPACE/NAME", "container": NAME or "", "signal": NUMBER}`.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readline())
        error = _signal(nodes, asked) if "pod" in asked else await _do(nodes, asked["node"], asked["do"])
        writer.write(json.dumps({"error": error}).encode() + b"\n")
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


def _signal(nodes: dict[str, node.Node], asked: dict[str, Any]) -> str | None:
    running = [pod for each in nodes.values() for pod, _ in each.pods.values()]
    for pod in running:
        if f"{pod.pod['metadata']['namespace']}/{pod.pod['metadata']['name']}" == asked["pod"]:
            for each in pod.containers:
                if each.process is not None and asked["container"] in {"", each.spec["name"]}:
                    each.process.send(signal.Signals(asked["signal"]))
                    return None
    return f"no process of {asked['pod']} {asked['container']}"


def ask(path: str, question: dict[str, Any]) -> None:
    """Asks the agent behind the socket `path`; its refusal is a fault."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        line.sendall(json.dumps(question).encode() + b"\n")
        with line.makefile() as answers:
            error = json.loads(answers.readline())["error"]
    if error:
        raise faults.ClusterFault(error)

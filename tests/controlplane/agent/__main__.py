"""The node agent's process: all nodes of one cluster."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import pathlib
import signal
import sys
from typing import TYPE_CHECKING

from controlplane import layout, order
from controlplane.agent import api, control, dns, kubelet, network, node, recipes, services

if TYPE_CHECKING:
    from collections.abc import Coroutine

POLL_S = 0.1


async def serve(folder: pathlib.Path, placed: order.Order, identity: api.Document) -> None:
    """Runs the nodes that were ordered, until SIGTERM."""
    async with api.connect(identity) as session:
        nodes = make_nodes(session, placed)
        await asyncio.gather(*(each.register() for each in nodes.values()))
        tasks = [asyncio.create_task(duty) for duty in duties(session, placed.plan, nodes)]
        await until_ready(session, len(nodes))
        (folder / "nodes-ready").touch()
        await until_signal(tasks)
        await asyncio.gather(*(each.go_down() for each in nodes.values()))


def duties(session: api.Api, plan: layout.Layout, nodes: dict[str, node.Node]) -> list[Coroutine[None, None, None]]:
    """All that the agent does at the same time; on loopback addresses there are no Services."""
    always = [follow_pods(session, nodes), control.serve(plan, nodes)]
    if not plan.isolated:
        return always
    directory = services.Directory()
    proxies = services.Proxies(directory, (plan.api_address, plan.api_port))
    return [
        *always,
        kubelet.serve(plan, nodes),
        services.watch_services(session, directory, proxies),
        services.watch_slices(session, directory),
        dns.serve(directory.resolve),
    ]


def make_nodes(session: api.Api, placed: order.Order) -> dict[str, node.Node]:
    """The nodes by name: KIND-0, KIND-1, ..."""
    plan = placed.plan
    nodes: dict[str, node.Node] = {}
    for kind, count in placed.nodes.items():
        for number in range(count):
            index = len(nodes)
            site = recipes.Site(
                api=session,
                plan=plan,
                node=f"{kind}-{number}",
                address=plan.node_address(index),
                addresses=network.Addresses(plan, index),
                checkout=placed.checkout,
                pod_environment=placed.pod_environment,
            )
            nodes[site.node] = node.Node(kind, site)
    return nodes


async def follow_pods(session: api.Api, nodes: dict[str, node.Node]) -> None:
    """Tells each node of its pods, for ever."""
    async for event, received in session.follow("/api/v1/pods"):
        if event != "LISTED":
            _tell(nodes, event, received)
            continue
        present = {item["metadata"]["uid"] for item in received["items"]}
        for each in nodes.values():
            for uid in set(each.known) - present:
                each.hear("DELETED", each.known[uid])
        for item in received["items"]:
            _tell(nodes, "MODIFIED", item)


def _tell(nodes: dict[str, node.Node], event: str, received: api.Document) -> None:
    name = received["spec"].get("nodeName")
    if name in nodes:
        nodes[name].hear(event, received)


async def until_ready(session: api.Api, count: int) -> None:
    """Waits until the control plane lets pods onto all nodes and namespaces have their ServiceAccount."""
    while True:
        with contextlib.suppress(api.Refusal, OSError):
            nodes = (await session.get("/api/v1/nodes"))["items"]
            await session.get("/api/v1/namespaces/default/serviceaccounts/default")
            if len(nodes) == count and not any(each["spec"].get("taints") for each in nodes):
                return
        await asyncio.sleep(POLL_S)


async def until_signal(tasks: list[asyncio.Task[None]]) -> None:
    """Returns at SIGTERM; a task that ends before is a fault that ends the agent."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    waiting = asyncio.create_task(told.wait())
    done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if sys.version_info < (3, 12):
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    place = pathlib.Path(sys.argv[1])
    identity_text = (place / "pki" / "agent.kubeconfig").read_text()
    asyncio.run(serve(place, order.read(place), json.loads(identity_text)))

"""Services without kube-proxy: each virtual address is served by a small TCP proxy to the endpoints that are ready."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from controlplane import layout

if TYPE_CHECKING:
    from controlplane.agent import api

CHUNK_BYTES = 65536
CONNECT_S = 2.0

Address = tuple[str, int]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Directory:
    """All Services and the ready endpoints behind them, as last heard."""

    def __init__(self) -> None:
        self.services: dict[tuple[str, str], api.Document] = {}
        self.slices: dict[tuple[str, str], api.Document] = {}

    def virtual_addresses(self) -> dict[Address, tuple[str, str, str]]:
        """Where proxies are to listen, and for which namespace, Service and port name."""
        return {
            (service["spec"]["clusterIP"], port["port"]): (*key, port.get("name", ""))
            for key, service in self.services.items()
            if service["spec"].get("clusterIP", "None") not in {"None", "", layout.API_SERVICE}
            for port in service["spec"].get("ports", [])
            if port.get("protocol", "TCP") == "TCP"
        }

    def ready(self, namespace: str, name: str, port: str) -> list[Address]:
        """Addresses of the ready endpoints of a Service's port."""
        return [
            (address, each["port"])
            for entry in self._slices_of(namespace, name)
            for each in entry.get("ports") or []
            if each.get("name", "") == port
            for endpoint in entry.get("endpoints") or []
            if endpoint.get("conditions", {}).get("ready", True)
            for address in endpoint["addresses"]
        ]

    def resolve(self, name: str) -> list[str] | None:
        """Addresses of NAME.NAMESPACE.svc.cluster.local, or of HOST.NAME...; None for a name that is not there."""
        parts = name.removesuffix(".").removesuffix(".svc.cluster.local").split(".")
        if not name.rstrip(".").endswith(".svc.cluster.local") or len(parts) not in {2, 3}:
            return None
        host, (service, namespace) = parts[:-2], parts[-2:]
        found = self.services.get((namespace, service))
        if found is None:
            return None
        if service == "kubernetes" and namespace == "default":
            return [layout.API_SERVICE]
        if found["spec"].get("clusterIP") != "None":
            return None if host else [found["spec"]["clusterIP"]]
        return self._headless(namespace, service, host)

    def _headless(self, namespace: str, service: str, host: list[str]) -> list[str] | None:
        addresses = [
            address
            for entry in self._slices_of(namespace, service)
            for endpoint in entry.get("endpoints") or []
            if endpoint.get("conditions", {}).get("ready", True) and (not host or endpoint.get("hostname") == host[0])
            for address in endpoint["addresses"]
        ]
        return addresses or None

    def _slices_of(self, namespace: str, name: str) -> list[api.Document]:
        return [
            entry
            for (where, _), entry in self.slices.items()
            if where == namespace and entry["metadata"].get("labels", {}).get("kubernetes.io/service-name") == name
        ]


class Proxies:
    """The listening sockets, kept equal to the directory's virtual addresses."""

    def __init__(self, directory: Directory, api_server: Address) -> None:
        self.directory = directory
        self.api_server = api_server
        self.listening: dict[Address, asyncio.Server] = {}

    async def follow(self) -> None:
        """Opens what is new and closes what is gone."""
        wanted = self.directory.virtual_addresses()
        wanted[layout.API_SERVICE, 443] = ("default", "kubernetes", "https")
        for address in set(self.listening) - set(wanted):
            self.listening.pop(address).close()
        for address in set(wanted) - set(self.listening):
            with contextlib.suppress(OSError):
                self.listening[address] = await asyncio.start_server(self._serve_at(address), *address)

    def _serve_at(self, address: Address) -> Serve:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer):
                try:
                    there, out = await self._connect(address)
                except (OSError, TimeoutError):
                    return
                with contextlib.closing(out):
                    await asyncio.gather(_copy(reader, out), _copy(there, writer))

        return serve

    async def _connect(self, address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to one of the ready endpoints, whichever; OSError where none is."""
        if address == (layout.API_SERVICE, 443):
            return await asyncio.open_connection(*self.api_server)
        key = self.directory.virtual_addresses().get(address, ("", "", ""))
        endpoints = self.directory.ready(*key)
        if not endpoints:
            raise OSError(f"no ready endpoint behind {address[0]}:{address[1]}")
        async with asyncio.timeout(CONNECT_S):
            return await asyncio.open_connection(*random.choice(endpoints))  # noqa: S311 - as kube-proxy does


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies one direction and passes on its end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def watch_services(session: api.Api, directory: Directory, proxies: Proxies) -> None:
    """Keeps the directory's Services, and the proxies, as the API server has them."""
    async for event, received in session.follow("/api/v1/services"):
        _note(directory.services, event, received)
        await proxies.follow()


async def watch_slices(session: api.Api, directory: Directory) -> None:
    """Keeps the directory's endpoints as the API server has them."""
    async for event, received in session.follow("/apis/discovery.k8s.io/v1/endpointslices"):
        _note(directory.slices, event, received)


def _note(kept: dict[tuple[str, str], api.Document], event: str, received: api.Document) -> None:
    if event == "LISTED":
        kept.clear()
        for item in received["items"]:
            _note(kept, "ADDED", item)
        return
    key = (received["metadata"]["namespace"], received["metadata"]["name"])
    if event == "DELETED":
        kept.pop(key, None)
    else:
        kept[key] = received

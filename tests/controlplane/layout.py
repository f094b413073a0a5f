"""The files and addresses of one cluster, decided before anything runs."""

from __future__ import annotations

import dataclasses
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A cluster's folder, its two first octets, and the ports of its servers."""

    folder: pathlib.Path
    isolated: bool
    """In network namespaces of its own; else on loopback addresses of this machine."""
    network: str
    api_address: str
    api_port: int
    etcd_client_port: int
    etcd_peer_port: int
    scheduler_port: int
    controllers_port: int

    @property
    def api_url(self) -> str:
        return f"https://{self.api_address}:{self.api_port}"

    @property
    def pki(self) -> pathlib.Path:
        return self.folder / "pki"

    @property
    def logs(self) -> pathlib.Path:
        return self.folder / "logs"

    @property
    def kubeconfig(self) -> pathlib.Path:
        return self.folder / "kubeconfig"

    @property
    def audit_log(self) -> pathlib.Path:
        return self.folder / "audit.log"

    @property
    def control_socket(self) -> pathlib.Path:
        return self.folder / "agent.sock"

    def node_address(self, index: int) -> str:
        """InternalIP of the node of this index; its pods' addresses follow in the same /24."""
        return f"{self.network}.{index + 1}.1"


SERVICES = "10.98"
"""First octets of Services' virtual addresses; those end in a proxy that the node agent runs."""
SERVICE_RANGE = f"{SERVICES}.0.0/16"
API_SERVICE = f"{SERVICES}.0.1"
DNS_SERVICE = f"{SERVICES}.0.10"


def isolated(folder: pathlib.Path) -> Layout:
    """Inside namespaces of its own every cluster uses the same addresses."""
    return Layout(
        folder=folder,
        isolated=True,
        network="10.99",
        api_address="10.99.0.1",
        api_port=6443,
        etcd_client_port=2379,
        etcd_peer_port=2380,
        scheduler_port=10259,
        controllers_port=10257,
    )


def on_loopback(folder: pathlib.Path) -> Layout:
    """Where namespaces are not allowed: free ports, and pods on 127.99.x.y."""
    api, client, peer, scheduler, controllers = _free_ports(5)
    return Layout(
        folder=folder,
        isolated=False,
        network="127.99",
        api_address="127.0.0.1",
        api_port=api,
        etcd_client_port=client,
        etcd_peer_port=peer,
        scheduler_port=scheduler,
        controllers_port=controllers,
    )


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports

"""From a container's spec to the process that is to run: command, environment, mounts."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import sys
from typing import TYPE_CHECKING, Any

from controlplane import layout, pki, places
from controlplane.agent import api, network, sandbox, variables, volumes

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]

ENTRYPOINTS = {"glia-operator": ["glia"]}
"""What an image runs where the container names no command, by the last part of its name."""
BIN = pathlib.Path(sys.prefix) / "bin"
COMPILED = "/var/cache/glia-compiled"
"""Where pods keep compiled policies; shared, because it holds nothing but what would come out the same again."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What all pods of one node share."""

    api: api.Api
    plan: layout.Layout
    node: str
    address: str
    addresses: network.Addresses
    checkout: pathlib.Path
    pod_environment: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One start of one container."""

    pod: Document
    spec: Document
    start: int
    address: str
    pause_pid: int | None
    folder: pathlib.Path
    volumes: Mapping[str, pathlib.Path]


async def make(site: Site, wanted: Wanted, *, fetch: variables.Fetch) -> sandbox.Recipe:
    """The recipe for this start; what it refers to and is missing is `variables.Missing`."""
    meta, spec = wanted.pod["metadata"], wanted.spec
    base = base_environment(site, meta["name"], wanted.address) | _without_mounts(site, wanted)
    known = await variables.of_container(
        spec, wanted.pod, base=base, pod_ip=wanted.address, host_ip=site.address, fetch=fetch
    )
    compiled = places.cache() / "pods-compiled"
    compiled.mkdir(parents=True, exist_ok=True)
    log = log_folder(site.plan, wanted.pod) / spec["name"]
    code = (site.checkout, pathlib.Path(sys.prefix))
    return sandbox.Recipe(
        command=[variables.expand(word, known) for word in command(spec)],
        environment=known,
        workdir=spec.get("workingDir", "/"),
        mounts=[(compiled, COMPILED, False), *volumes.mounts(spec, dict(wanted.volumes)), *hidden(code, spec)],
        hosts=_hosts(meta["name"], meta["namespace"], wanted.address),
        read_only_root=bool(spec.get("securityContext", {}).get("readOnlyRootFilesystem")),
        pause_pid=wanted.pause_pid,
        folder=wanted.folder / spec["name"],
        log=log / f"{wanted.start}.log",
    )


def hidden(code: tuple[pathlib.Path, ...], spec: Document) -> list[tuple[pathlib.Path, str, bool]]:
    """Mounts of the code that a volume of the container would hide, such as one at /tmp over a checkout below /tmp."""
    targets = [mount["mountPath"] for mount in spec.get("volumeMounts", [])]
    return [(folder, str(folder), True) for folder in code if any(folder.is_relative_to(one) for one in targets)]


def log_folder(plan: layout.Layout, pod: Document) -> pathlib.Path:
    """Where the logs of a pod's containers are, also after its end."""
    meta = pod["metadata"]
    return plan.logs / "pods" / f"{meta['namespace']}_{meta['name']}_{meta['uid']}"


def command(spec: Document) -> list[str]:
    """The words to run; an image that is not in ENTRYPOINTS needs a command."""
    arguments = list(spec.get("args") or [])
    if spec.get("command"):
        return [*spec["command"], *arguments]
    image = spec["image"].rsplit("/", 1)[-1].split("@")[0].split(":")[0]
    if image not in ENTRYPOINTS:
        raise variables.Missing(f"no images here: the container needs a command, or {image} an entry in ENTRYPOINTS")
    return [*ENTRYPOINTS[image], *arguments]


def base_environment(site: Site, name: str, address: str) -> dict[str, str]:
    """What every container finds before its own variables: the checkout's code, and where the API server is."""
    return {
        "PATH": f"{BIN}:{os.environ.get('PATH', sandbox.TOOLS)}",
        "HOME": os.environ.get("HOME", "/root"),
        "LANG": "C.UTF-8",
        "HOSTNAME": name,
        "POD_IP": address,
        "PYTHONPATH": f"{site.checkout / 'operator'}:{site.checkout / 'sim'}",
        "PYTHONUNBUFFERED": "1",
        "NUMBA_CACHE_DIR": COMPILED if site.plan.isolated else str(places.cache() / "pods-compiled"),
        "KUBERNETES_SERVICE_HOST": site.plan.api_address,
        "KUBERNETES_SERVICE_PORT": str(site.plan.api_port),
        "KUBERNETES_SERVICE_PORT_HTTPS": str(site.plan.api_port),
        **site.pod_environment,
    }


def _without_mounts(site: Site, wanted: Wanted) -> dict[str, str]:
    """Where volumes cannot be mounted, a kubeconfig takes the place of the in-cluster credentials."""
    if site.plan.isolated:
        return {}
    for volume in wanted.pod["spec"].get("volumes", []):
        for source in volume.get("projected", {}).get("sources", []):
            if "serviceAccountToken" in source:
                token = wanted.volumes[volume["name"]] / source["serviceAccountToken"]["path"]
                path = wanted.folder / "kubeconfig"
                path.write_text(pki.bearer_kubeconfig(site.plan.pki, token, server_url=site.plan.api_url))
                return {"KUBECONFIG": str(path)}
    return {}


def _hosts(name: str, namespace: str, address: str) -> dict[str, str]:
    search = f"{namespace}.svc.cluster.local svc.cluster.local cluster.local"
    return {
        "/etc/hosts": f"127.0.0.1 localhost\n{address} {name}\n",
        "/etc/resolv.conf": f"nameserver {layout.DNS_SERVICE}\nsearch {search}\noptions ndots:5\n",
    }

"""A pod's volumes, made real as folders on this machine."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Awaitable, Callable
from typing import Any

from controlplane.agent import variables

Document = dict[str, Any]
Token = Callable[[Document], Awaitable[str]]
"""Gets a ServiceAccount token for a projected source (audience, expirationSeconds, path)."""


async def make(
    pod: Document, folder: pathlib.Path, *, fetch: variables.Fetch, token: Token, pod_ip: str, host_ip: str
) -> dict[str, pathlib.Path]:
    """Makes every volume below `folder` and returns its path by name; a missing source is `variables.Missing`."""
    made = {}
    for volume in pod["spec"].get("volumes", []):
        path = folder / volume["name"]
        if "hostPath" in volume:
            made[volume["name"]] = pathlib.Path(volume["hostPath"]["path"])
            continue
        path.mkdir(parents=True, exist_ok=True)
        for source in _sources(volume):
            files = await _files(source, pod, fetch=fetch, token=token, pod_ip=pod_ip, host_ip=host_ip)
            for name, content in files.items():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                (path / name).write_bytes(content)
        made[volume["name"]] = path
    return made


def _sources(volume: Document) -> list[Document]:
    """A volume's sources in the form that projected volumes use."""
    if "projected" in volume:
        return list(volume["projected"].get("sources") or [])
    if "secret" in volume:
        wanted = volume["secret"]
        return [{"secret": {**wanted, "name": wanted["secretName"]}}]
    return [{kind: volume[kind]} for kind in ("configMap", "downwardAPI") if kind in volume]


async def _files(
    source: Document, pod: Document, *, fetch: variables.Fetch, token: Token, pod_ip: str, host_ip: str
) -> dict[str, bytes]:
    if "serviceAccountToken" in source:
        wanted = source["serviceAccountToken"]
        return {wanted["path"]: (await token(wanted)).encode()}
    if "downwardAPI" in source:
        return {
            item["path"]: variables.field(item["fieldRef"]["fieldPath"], pod, pod_ip=pod_ip, host_ip=host_ip).encode()
            for item in source["downwardAPI"].get("items", [])
            if "fieldRef" in item
        }
    kind = "configMap" if "configMap" in source else "secret"
    wanted = source[kind]
    resource = f"{kind.lower()}s"
    values = await variables.content(resource, wanted["name"], optional=wanted.get("optional", False), fetch=fetch)
    return _chosen(values, wanted, f"{kind} {wanted['name']}")


def _chosen(values: dict[str, bytes], wanted: Document, where: str) -> dict[str, bytes]:
    if "items" not in wanted:
        return values
    absent = [item["key"] for item in wanted["items"] if item["key"] not in values]
    if absent and not wanted.get("optional", False):
        raise variables.Missing(f"{where} has no key {absent[0]}")
    return {item["path"]: values[item["key"]] for item in wanted["items"] if item["key"] in values}


def mounts(container: Document, made: dict[str, pathlib.Path]) -> list[tuple[pathlib.Path, str, bool]]:
    """What a container sees of the volumes: (path on this machine, path in the container, read-only)."""
    seen = []
    for mount in container.get("volumeMounts", []):
        source = made[mount["name"]]
        if mount.get("subPath"):
            source = source / mount["subPath"]
            if not source.exists():
                source.mkdir(parents=True)
        seen.append((source, mount["mountPath"], bool(mount.get("readOnly"))))
    return seen


def describe(made: dict[str, pathlib.Path]) -> str:
    """For the pod's folder: which volume is where."""
    return json.dumps({name: str(path) for name, path in made.items()}, indent=1)

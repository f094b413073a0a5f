"""The environment of a container: what the pod says, and the references it makes."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Document = dict[str, Any]
Fetch = Callable[[str, str], Awaitable[Document | None]]
"""Gets an object of the pod's namespace by resource ("configmaps" or "secrets") and name; None where it is missing."""

REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z0-9]+)\)")
SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class Missing(Exception):  # noqa: N818 - a state of waiting, as in a kubelet
    """A ConfigMap, a Secret or a key of them is not there (yet)."""


def expand(text: str, known: Mapping[str, str]) -> str:
    """Replaces $(NAME) by the variable's value; unknown names stay, $$ is a dollar."""
    return REFERENCE.sub(lambda m: "$" if m[0] == "$$" else known.get(m[1], m[0]), text)


def field(path: str, pod: Document, *, pod_ip: str, host_ip: str) -> str:
    """The value of a fieldRef; metadata and spec are the pod's, addresses the agent's."""
    subscript = SUBSCRIPT.fullmatch(path)
    if subscript:
        return str(pod["metadata"].get(subscript[1], {}).get(subscript[2], ""))
    direct = {"status.podIP": pod_ip, "status.podIPs": pod_ip, "status.hostIP": host_ip, "status.hostIPs": host_ip}
    if path in direct:
        return direct[path]
    if path in {"metadata.labels", "metadata.annotations"}:
        return "\n".join(f'{key}="{value}"' for key, value in sorted(pod["metadata"].get(path[9:], {}).items()))
    section, _, name = path.partition(".")
    return str(pod.get(section, {}).get(name, ""))


async def of_container(
    container: Document, pod: Document, *, base: Mapping[str, str], pod_ip: str, host_ip: str, fetch: Fetch
) -> dict[str, str]:
    """All variables of a container: `base`, then envFrom, then env, each seeing those before it."""
    known = dict(base)
    for source in container.get("envFrom", []):
        known |= await _whole(source, fetch)
    for entry in container.get("env", []):
        if "valueFrom" not in entry:
            known[entry["name"]] = expand(entry.get("value", ""), known)
            continue
        value = await _referred(entry["valueFrom"], container, pod, pod_ip=pod_ip, host_ip=host_ip, fetch=fetch)
        if value is not None:
            known[entry["name"]] = value
    return known


async def _whole(source: Document, fetch: Fetch) -> dict[str, str]:
    resource = "configmaps" if "configMapRef" in source else "secrets"
    wanted = source.get("configMapRef") or source["secretRef"]
    values = await content(resource, wanted["name"], optional=wanted.get("optional", False), fetch=fetch)
    prefix = source.get("prefix", "")
    return {prefix + key: value.decode(errors="replace") for key, value in values.items()}


async def _referred(
    source: Document, container: Document, pod: Document, *, pod_ip: str, host_ip: str, fetch: Fetch
) -> str | None:
    if "fieldRef" in source:
        return field(source["fieldRef"]["fieldPath"], pod, pod_ip=pod_ip, host_ip=host_ip)
    if "resourceFieldRef" in source:
        kind, _, resource = source["resourceFieldRef"]["resource"].partition(".")
        return str(container.get("resources", {}).get(kind, {}).get(resource, "0"))
    resource = "configmaps" if "configMapKeyRef" in source else "secrets"
    wanted = source.get("configMapKeyRef") or source["secretKeyRef"]
    optional = wanted.get("optional", False)
    values = await content(resource, wanted["name"], optional=optional, fetch=fetch)
    if wanted["key"] not in values:
        if optional:
            return None
        raise Missing(f"{resource[:-1]} {wanted['name']} has no key {wanted['key']}")
    return values[wanted["key"]].decode(errors="replace")


async def content(resource: str, name: str, *, optional: bool, fetch: Fetch) -> dict[str, bytes]:
    """Keys and bytes of a ConfigMap or Secret; nothing where an optional one is missing."""
    found = await fetch(resource, name)
    if found is None:
        if optional:
            return {}
        raise Missing(f"{resource[:-1]} {name} not found")
    encoded = found.get("binaryData" if resource == "configmaps" else "data") or {}
    plain = found.get("data") or {} if resource == "configmaps" else {}
    decoded = {key: base64.b64decode(value) for key, value in encoded.items()}
    return decoded | {key: value.encode() for key, value in plain.items()}

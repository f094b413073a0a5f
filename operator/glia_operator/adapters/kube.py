"""The Kubernetes API as one seam: a call goes out, an object or a fault named by blame comes back."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Object = dict[str, Any]
"""A Kubernetes object as parsed JSON."""

FIELD_MANAGER = "glia-operator"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json"
NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
"""A list of metadata alone, where the server can do that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of object and where the API serves it; `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """The path that serves the kind's group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


OPTIMIZATIONS = Kind(group="glia.dev", version="v1alpha1", plural="gliaoptimizations", kind="GliaOptimization")
POLICIES = Kind(group="glia.dev", version="v1alpha1", plural="gliapolicies", kind="GliaPolicy")
DEPLOYMENTS = Kind(group="apps", version="v1", plural="deployments", kind="Deployment")
CONFIG_MAPS = Kind(group="", version="v1", plural="configmaps", kind="ConfigMap")
SECRETS = Kind(group="", version="v1", plural="secrets", kind="Secret")
EVENTS = Kind(group="", version="v1", plural="events", kind="Event")
LEASES = Kind(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease")
SELF_REVIEWS = Kind(group="authentication.k8s.io", version="v1", plural="selfsubjectreviews", kind="SelfSubjectReview")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        verb: get, list, watch, create, patch or delete, as RBAC and the audit log name it.
        namespace: None = all namespaces, or a kind without one.
        content: how `body` is meant: `JSON`, `MERGE` or `APPLY`.
        accept: the representation wanted.
    """

    verb: str
    kind: Kind
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None
    body: Object | None = None
    content: str = JSON
    query: tuple[tuple[str, str], ...] = ()
    accept: str = "application/json"

    @property
    def path(self) -> str:
        """Path and query below the server's address."""
        parts = [self.kind.root]
        if self.namespace is not None:
            parts.append(f"namespaces/{self.namespace}")
        parts.append(self.kind.plural)
        parts += [part for part in (self.name, self.subresource) if part is not None]
        query = f"?{urllib.parse.urlencode(self.query)}" if self.query else ""
        return "/".join(parts) + query

    def __str__(self) -> str:
        """The call in words, without its body."""
        what = "/".join(part for part in (self.kind.plural, self.name, self.subresource) if part)
        return f"{self.verb} {what}" + (f" in {self.namespace}" if self.namespace else "")


class Kube(Protocol):
    """Sends calls."""

    async def send(self, call: Call) -> Object:
        """The answer's body.

        Raises:
            KubeFault: one of its kinds below.
        """
        ...


class Streams(Protocol):
    """Follows what changes."""

    def watch(self, call: Call) -> AsyncIterator[Object]:
        """Events as the API sends them, `type` and `object`, until the server ends the stream.

        Raises:
            KubeFault: the stream is refused, breaks, or is silent for too long.
        """
        ...


class KubeFault(faults.Fault):
    """The API did not do what was asked.

    Args:
        call: what was asked.
        why: the server's sentence.
        retry_after_s: how long the server asks to wait; None where it does not.
    """

    def __init__(self, call: Call, why: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{call}: {why}")
        self.call = call
        self.why = why
        self.retry_after_s = retry_after_s


class NotFound(KubeFault):
    """404: no such object, or no such kind."""


class Conflict(KubeFault):
    """409: the object is not what the caller had read."""


class AlreadyExists(KubeFault):
    """409 on create: the name is taken."""


class Invalid(KubeFault):
    """400, 413, 422: the API refuses the content."""


class Forbidden(KubeFault):
    """401, 403: RBAC or an admission policy says no."""


class Gone(KubeFault):
    """410: the server has forgotten the version from which to go on."""


class Busy(KubeFault):
    """429: later."""


class Unavailable(KubeFault):
    """5xx, or no answer at all."""


NAMED: dict[int, type[KubeFault]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: Invalid,
    422: Invalid,
    429: Busy,
}
"""What an HTTP status means; all others that are none of ours are the server's."""


def fault(call: Call, code: int, reason: str, why: str, *, retry_after_s: float | None = None) -> KubeFault:
    """The fault for an HTTP status; `reason` is the one-word reason in the API's Status object."""
    if code == 409 and reason == "AlreadyExists":  # noqa: PLR2004 - HTTP
        return AlreadyExists(call, why)
    return NAMED.get(code, Unavailable)(call, why, retry_after_s=retry_after_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Objects of one kind and the version of the list."""

    items: tuple[Object, ...]
    resource_version: str = field(default="")


async def get(kube: Kube, kind: Kind, namespace: str | None, name: str) -> Object:
    """One object.

    Raises:
        NotFound: there is none.
    """
    return await kube.send(Call(verb="get", kind=kind, namespace=namespace, name=name))


async def list_all(
    kube: Kube, kind: Kind, namespace: str | None = None, *, labels: str = "", accept: str = "application/json"
) -> Listing:
    """All objects of a kind, page by page."""
    items: list[Object] = []
    query: tuple[tuple[str, str], ...] = (("limit", "500"),)
    if labels:
        query += (("labelSelector", labels),)
    call = Call(verb="list", kind=kind, namespace=namespace, query=query, accept=accept)
    page = await kube.send(call)
    items += page.get("items") or []  # an empty list of metadata is null
    while token := page.get("metadata", {}).get("continue"):
        page = await kube.send(replace(call, query=(*query, ("continue", token))))
        items += page.get("items") or []
    return Listing(items=tuple(items), resource_version=page.get("metadata", {}).get("resourceVersion", ""))


async def create(kube: Kube, kind: Kind, namespace: str | None, body: Object) -> Object:
    """Create an object.

    Raises:
        AlreadyExists: the name is taken.
    """
    whole = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
    query = (("fieldManager", FIELD_MANAGER),)
    return await kube.send(Call(verb="create", kind=kind, namespace=namespace, body=whole, query=query))


async def merge(kube: Kube, kind: Kind, namespace: str, name: str, body: Object) -> Object:
    """Merge a patch into an object; with `metadata.resourceVersion` in it only into that version.

    Raises:
        Conflict: the object has another version.
    """
    query = (("fieldManager", FIELD_MANAGER),)
    call = Call(verb="patch", kind=kind, namespace=namespace, name=name, body=body, content=MERGE, query=query)
    return await kube.send(call)


async def apply_status(kube: Kube, kind: Kind, namespace: str, name: str, body: Object) -> Object:
    """Own the status with these fields; what was owned and is no longer here goes.

    Raises:
        Conflict: the object has another uid or version than `body.metadata` says.
    """
    whole = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
    query = (("fieldManager", FIELD_MANAGER), ("force", "true"))
    call = Call(
        verb="patch",
        kind=kind,
        namespace=namespace,
        name=name,
        subresource="status",
        body=whole,
        content=APPLY,
        query=query,
    )
    return await kube.send(call)


async def delete(kube: Kube, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
    """Delete the object of that uid; that it is gone already is fine."""
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
    try:
        await kube.send(Call(verb="delete", kind=kind, namespace=namespace, name=name, body=body))
    except (NotFound, Conflict):
        return

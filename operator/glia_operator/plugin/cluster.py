"""What the plug-in asks of an API server, and its refusals in words."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from glia_operator.api import crds, meta
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Mapping

Object = dict[str, Any]
JSON, MERGE = "application/json", "application/merge-patch+json"
FIELD_MANAGER = "kubectl-glia"
PAGE = 200
FORBIDDEN, NOT_FOUND, CONFLICT, ERROR = 403, 404, 409, 400
PLURALS = {kind.name: kind.plural for kind in crds.KINDS}
ADMISSION = "ValidatingAdmissionPolicy"


class Refused(faults.InputFault):
    """The API server said no; the message says what it was asked, why it refused and what would help."""


class Missing(Refused):
    """There is no such object."""


class Changed(Refused):
    """Somebody else changed the object at the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Object | None = None
    content: str = JSON

    @property
    def address(self) -> str:
        """Path and query."""
        return self.path + (f"?{urllib.parse.urlencode(sorted(self.query.items()))}" if self.query else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a call: the HTTP code, and the JSON object that came with it."""

    code: int
    body: Object


class Transport(Protocol):
    """Sends calls; `wire.Wire` to a real server, a table of answers in tests."""

    def send(self, call: Call) -> Answer:
        """The answer, whatever its code.

        Raises:
            InputFault: there is no answer.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A namespace of a cluster, as one user sees it."""

    transport: Transport
    namespace: str

    def get(self, kind: str, name: str) -> Object:
        """One object.

        Raises:
            Missing: there is none of that name.
            Refused: the user may not read it.
        """
        return self._send(f"get {kind} {name}", Call(method="GET", path=self._path(kind, name)))

    def items(self, kind: str, *, labels: str = "") -> list[Object]:
        """All objects of a kind, or those with the labels, by name."""
        query = {"limit": str(PAGE)} | ({"labelSelector": labels} if labels else {})
        found: list[Object] = []
        while True:
            page = self._send(f"list {kind}s", Call(method="GET", path=self._path(kind), query=query))
            found += page.get("items", [])
            token = page.get("metadata", {}).get("continue")
            if not token:
                return sorted(found, key=lambda one: str(one["metadata"]["name"]))
            query = {**query, "continue": token}

    def merge(self, kind: str, name: str, body: Object) -> Object:
        """Merge a patch into an object; the object afterwards.

        Raises:
            Missing: there is none of that name.
            Refused: the rules of the object, the user's rights or an admission policy are against it.
        """
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        call = Call(method="PATCH", path=self._path(kind, name), query=query, body=body, content=MERGE)
        return self._send(f"change {kind} {name}", call)

    def user(self) -> str:
        """The user's own name, as the API server knows it."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        call = Call(method="POST", path="/apis/authentication.k8s.io/v1/selfsubjectreviews", body=body)
        return str(self._send("learn your user name", call)["status"]["userInfo"]["username"])

    def _path(self, kind: str, name: str = "") -> str:
        space = urllib.parse.quote(self.namespace, safe="")
        resource = (
            f"/api/v1/namespaces/{space}/configmaps"
            if kind == "ConfigMap"
            else f"/apis/{meta.GROUP}/{meta.VERSION}/namespaces/{space}/{PLURALS[kind]}"
        )
        return f"{resource}/{urllib.parse.quote(name, safe='')}" if name else resource

    def _send(self, what: str, call: Call) -> Object:
        answer = self.transport.send(call)
        if answer.code < ERROR:
            return answer.body
        said = " ".join(str(answer.body.get("message", f"HTTP {answer.code}")).split())
        if answer.code == NOT_FOUND:
            raise Missing(self._missing(what, answer.body, said))
        if ADMISSION in said:
            why = said.partition("denied request: ")[2] or said
            raise Refused(f"{what}: an admission policy of the cluster refused it: {why}")
        if answer.code == FORBIDDEN:
            raise Refused(
                f"{what}: you lack the right: {said}; whoever administers the cluster can grant it with a Role"
            )
        if answer.code == CONFLICT:
            raise Changed(f"{what}: somebody else changed it at the same moment; try again")
        raise Refused(f"{what}: the API server refused it: {said}")

    def _missing(self, what: str, body: Object, said: str) -> str:
        if not body.get("details", {}).get("name"):
            return (
                f"{what}: the server does not know this kind; install Glia's definitions first (helm install, or crds/)"
            )
        return f"{what}: not found in namespace {self.namespace} ({said}); name another with -n"

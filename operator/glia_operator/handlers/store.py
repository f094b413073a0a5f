"""What the watches have shown: the newest version of every object that decisions look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glia_operator.adapters import kube

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT = ("name", "namespace", "uid", "generation", "resourceVersion", "creationTimestamp", "deletionTimestamp")
WATCHED = (kube.OPTIMIZATIONS, kube.POLICIES, kube.DEPLOYMENTS)


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Names one GliaOptimization."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Store:
    """Optimisations and policies whole, Deployments by name only."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[Key, kube.Object]] = {kind.plural: {} for kind in WATCHED}

    def take(self, kind: kube.Kind, body: kube.Object, *, gone: bool = False) -> set[Key]:
        """Note a newer version; returns the optimisations that it concerns, none where it is not newer."""
        held = self._objects[kind.plural]
        key = Key(body["metadata"]["namespace"], body["metadata"]["name"])
        old = held.get(key)
        if old is not None and not _newer(old, body, gone=gone):
            return set()
        concerned = self._concerned(kind, old) if old is not None else set()
        if gone:
            held.pop(key, None)
        else:
            held[key] = _slim(kind, body)
        return concerned | self._concerned(kind, body)

    def differences(self, kind: kube.Kind, listed: Iterable[kube.Object]) -> list[tuple[kube.Object, bool]]:
        """What a fresh list has that is not known: (object, whether it is gone)."""
        there = {Key(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in listed}
        held = self._objects[kind.plural]
        news = [(one, False) for key, one in there.items() if key not in held or _newer(held[key], one, gone=False)]
        gone = [(one, True) for key, one in held.items() if key not in there]
        return [*news, *gone]

    def optimization(self, key: Key) -> kube.Object | None:
        """The object of that name."""
        return self._objects[kube.OPTIMIZATIONS.plural].get(key)

    @property
    def optimizations(self) -> dict[Key, kube.Object]:
        """All of them."""
        return self._objects[kube.OPTIMIZATIONS.plural]

    @property
    def keys(self) -> set[Key]:
        """All optimisations, and those that policies name although they are not there."""
        named = {
            Key(place.namespace, str(_spec(body).get("optimization", ""))) for place, body in self.policies.items()
        }
        return set(self.optimizations) | named

    @property
    def policies(self) -> dict[Key, kube.Object]:
        """All of them."""
        return self._objects[kube.POLICIES.plural]

    def policy(self, namespace: str, name: str) -> kube.Object | None:
        """The policy of that name."""
        return self.policies.get(Key(namespace, name))

    def policies_of(self, key: Key) -> list[kube.Object]:
        """Policies that name the optimisation."""
        return [
            body
            for place, body in self.policies.items()
            if place.namespace == key.namespace and _spec(body).get("optimization") == key.name
        ]

    def naming(self, namespace: str | None, config_map: str | None = None) -> set[Key]:
        """The optimisations of a namespace, or of all, whose spec names this ConfigMap, or any."""
        found = set()
        for key, body in self.optimizations.items():
            named = source(body)
            if named and namespace in (None, key.namespace) and config_map in (None, named):
                found.add(key)
        return found

    def has_deployment(self, namespace: str, name: str) -> bool:
        """Whether the Deployment is there and stays."""
        body = self._objects[kube.DEPLOYMENTS.plural].get(Key(namespace, name))
        return body is not None and "deletionTimestamp" not in body["metadata"]

    def winner(self, key: Key) -> str:
        """The older optimisation on the same target; empty where this one is the oldest."""
        own = self.optimizations[key]
        rivals = [body for other, body in self.optimizations.items() if other != key and _rival(own, body)]
        older = [body for body in rivals if _age(body) < _age(own)]
        return min(older, key=_age)["metadata"]["name"] if older else ""

    def _concerned(self, kind: kube.Kind, body: kube.Object) -> set[Key]:
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        if kind == kube.POLICIES:
            return {Key(namespace, str(_spec(body).get("optimization", "")))}
        if kind == kube.DEPLOYMENTS:
            return {
                key for key, one in self.optimizations.items() if key.namespace == namespace and target(one) == name
            }
        rivals = {key for key, one in self.optimizations.items() if _rival(body, one)}
        return {Key(namespace, name), *rivals}


def target(body: kube.Object) -> str:
    """Name of the Deployment that an optimisation is about."""
    found = (_spec(body).get("target") or {}).get("workloadRef") or {}
    return str(found.get("name", ""))


def source(body: kube.Object) -> str:
    """Name of the ConfigMap that an optimisation's workload stands in; empty where it names none."""
    found = (_spec(body).get("offline") or {}).get("configMapRef") or {}
    return str(found.get("name", ""))


def _spec(body: kube.Object) -> dict[str, Any]:
    spec = body.get("spec")
    return spec if isinstance(spec, dict) else {}


def _rival(one: kube.Object, other: kube.Object) -> bool:
    return (
        one["metadata"]["namespace"] == other["metadata"]["namespace"]
        and target(one) == target(other) != ""
        and "deletionTimestamp" not in other["metadata"]
    )


def _age(body: kube.Object) -> tuple[str, str]:
    return body["metadata"].get("creationTimestamp", ""), body["metadata"]["name"]


def _newer(old: kube.Object, new: kube.Object, *, gone: bool) -> bool:
    """Whether `new` follows `old`; versions of one object are numbers that grow."""
    if old["metadata"]["uid"] != new["metadata"]["uid"]:
        return not gone
    before, after = (int(one["metadata"]["resourceVersion"]) for one in (old, new))
    return after >= before if gone else after > before


def _slim(kind: kube.Kind, body: kube.Object) -> kube.Object:
    """What decisions look at; a Deployment is its name."""
    names = (*KEPT, "labels", "annotations", "ownerReferences")
    metadata = {name: body["metadata"][name] for name in names if name in body["metadata"]}
    if kind == kube.DEPLOYMENTS:
        return {"metadata": {name: metadata[name] for name in KEPT if name in metadata}}
    return {**{name: body[name] for name in ("spec", "status", "approval") if name in body}, "metadata": metadata}

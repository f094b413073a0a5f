"""Fake of the Kubernetes API: versions, uids, merge and apply, preconditions, and faults on request."""

from __future__ import annotations

import asyncio
import copy
import itertools
from typing import TYPE_CHECKING, Any

from glia_operator.adapters import kube

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

Key = tuple[str, str, str]


class FakeKube:
    """Holds objects in memory; `calls` is what was asked, `faults` is consulted before anything happens.

    Attributes:
        calls: every call, in order.
        fault: called with each call; a fault it returns is raised, before the call has an effect.
        late_fault: the same, after the effect: the answer is lost.
    """

    def __init__(self) -> None:
        self.objects: dict[Key, kube.Object] = {}
        self.calls: list[kube.Call] = []
        self.fault: Callable[[kube.Call], kube.KubeFault | None] = lambda _call: None
        self.late_fault: Callable[[kube.Call], kube.KubeFault | None] = lambda _call: None
        self._versions = itertools.count(1)

    async def send(self, call: kube.Call) -> kube.Object:
        """Do it."""
        self.calls.append(call)
        _raise(self.fault(call))
        answer: kube.Object = getattr(self, f"_{call.verb}")(call)
        _raise(self.late_fault(call))
        return copy.deepcopy(answer)

    def put(self, kind: kube.Kind, body: kube.Object) -> kube.Object:
        """Place an object as somebody else would."""
        metadata = body.setdefault("metadata", {})
        metadata.setdefault("namespace", "default")
        return self._store(kind, copy.deepcopy(body))

    def of(self, kind: kube.Kind) -> list[kube.Object]:
        """All objects of a kind, by namespace and name."""
        return [copy.deepcopy(self.objects[key]) for key in sorted(self.objects) if key[0] == kind.plural]

    def _store(self, kind: kube.Kind, body: kube.Object) -> kube.Object:
        metadata = body["metadata"]
        version = next(self._versions)
        metadata.setdefault("uid", f"uid-{version}")
        metadata["resourceVersion"] = str(version)
        self.objects[kind.plural, metadata["namespace"], metadata["name"]] = body
        return body

    def _find(self, call: kube.Call) -> kube.Object:
        found = self.objects.get((call.kind.plural, call.namespace or "", call.name or ""))
        if found is None:
            raise kube.NotFound(call, "HTTP 404 not found")
        return found

    def _get(self, call: kube.Call) -> kube.Object:
        return self._find(call)

    def _list(self, call: kube.Call) -> kube.Object:
        wanted = dict(pair.split("=", 1) for pair in dict(call.query).get("labelSelector", "").split(",") if pair)
        items = [
            body
            for (plural, namespace, _), body in sorted(self.objects.items())
            if plural == call.kind.plural
            and call.namespace in (None, namespace)
            and wanted.items() <= body["metadata"].get("labels", {}).items()
        ]
        return {"items": items, "metadata": {"resourceVersion": "0"}}

    def _create(self, call: kube.Call) -> kube.Object:
        body = copy.deepcopy(call.body or {})
        if call.kind == kube.SELF_REVIEWS:
            return {"status": {"userInfo": {"username": "system:serviceaccount:glia-system:glia-operator"}}}
        body["metadata"].setdefault("namespace", call.namespace or "")
        if (call.kind.plural, call.namespace or "", body["metadata"]["name"]) in self.objects:
            raise kube.AlreadyExists(call, "HTTP 409 already exists")
        return self._store(call.kind, body)

    def _patch(self, call: kube.Call) -> kube.Object:
        found, patch = self._find(call), copy.deepcopy(call.body or {})
        for name in ("uid", "resourceVersion"):
            if patch.get("metadata", {}).get(name) not in (None, found["metadata"][name]):
                raise kube.Conflict(call, f"HTTP 409 the {name} is another")
        if call.content == kube.APPLY:
            patched = {**found, "status": patch.get("status", {})} if call.subresource else {**found, **patch}
            patched["metadata"] = found["metadata"]
        else:
            patched = merged(found, patch)
        if patched == found:
            return found
        return self._store(call.kind, copy.deepcopy(patched))

    def _delete(self, call: kube.Call) -> kube.Object:
        found = self._find(call)
        if ((call.body or {}).get("preconditions") or {}).get("uid") not in (None, found["metadata"]["uid"]):
            raise kube.Conflict(call, "HTTP 409 the uid is another")
        return self.objects.pop((call.kind.plural, call.namespace or "", call.name or ""))


class FakeStreams:
    """Streams of what is put into `events`, one after another: an event, a fault, or None, which ends the stream.

    Attributes:
        calls: every stream that was asked for, in order.
    """

    def __init__(self) -> None:
        self.events: asyncio.Queue[kube.Object | kube.KubeFault | None] = asyncio.Queue()
        self.calls: list[kube.Call] = []

    async def watch(self, call: kube.Call) -> AsyncIterator[kube.Object]:
        """Hand on what was put."""
        self.calls.append(call)
        while True:
            event = await self.events.get()
            if event is None:
                return
            if isinstance(event, kube.KubeFault):
                raise event
            yield event


def merged(old: Any, patch: Any) -> Any:  # noqa: ANN401 - any JSON
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = merged(kept.get(name), value)
    return kept


def _raise(fault: kube.KubeFault | None) -> None:
    if fault is not None:
        raise fault

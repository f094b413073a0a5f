"""Carrying out what was decided: actions one by one, then one patch of the status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from glia_operator.adapters import kube, pages
from glia_operator.api import meta, words
from glia_operator.handlers import studies as studying
from glia_operator.handlers.decision import act, conditions

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_operator.adapters import clock as clocks
    from glia_operator.handlers import events, observe
    from glia_operator.handlers import shelf as shelves
    from glia_operator.handlers import store as stores

log = structlog.get_logger(__name__)


class Applier:
    """Carries out decisions.

    Args:
        cluster: where objects are written.
        store: told of every object that was written, so that the next look sees it.
        news: told which optimisations a write concerns.
    """

    def __init__(
        self,
        cluster: kube.Kube,
        *,
        store: stores.Store,
        shelf: shelves.Shelf,
        studies: studying.Studies,
        recorder: events.Recorder,
        clock: clocks.Clock,
        news: Callable[[set[stores.Key]], None],
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._shelf = shelf
        self._studies = studies
        self._recorder = recorder
        self._clock = clock
        self._news = news

    async def carry_out(self, view: observe.View, action: act.Action) -> None:
        """One action; done twice it is done once.

        Raises:
            KubeFault: the API does not do it.
        """
        match action:
            case act.StartStudy():
                await self._studies.want(view.owner, _job(view, action))
            case act.StopStudy():
                await self._studies.stop(view.owner)
            case act.NoteHints():
                await self._note_hints(view, action.hints)
            case act.CreatePolicy():
                await self._create(view, action)
            case act.ApprovePolicy():
                await self._approve(view, action)
            case act.MarkPolicy():
                await self._mark(view, action)
            case act.DiscardNotebook():
                await self._shelf.discard(view.owner, action.brief)
            case act.Emit():
                await self._recorder.tell(view.owner, action)

    async def write_status(self, view: observe.View, decision: act.Decision) -> bool:
        """Write the status if it is not what stands there; whether it was written.

        Raises:
            Conflict: the object is not the version that was decided on.
        """
        if decision.status is None:
            return False
        status = decision.status.plain()
        if status == view.now.before.plain():
            return False
        metadata = {"name": view.owner.name, "uid": view.owner.uid, "resourceVersion": view.version}
        body = {"metadata": metadata, "status": status}
        namespace, name = view.owner.namespace, view.owner.name
        self._took(
            kube.OPTIMIZATIONS, await kube.apply_status(self._cluster, kube.OPTIMIZATIONS, namespace, name, body)
        )
        return True

    async def refresh(self, owner: pages.Owner) -> None:
        """Read the object again: what the watch has shown is behind."""
        found = await kube.get(self._cluster, kube.OPTIMIZATIONS, owner.namespace, owner.name)
        self._took(kube.OPTIMIZATIONS, found)

    def forget(self, owner: pages.Owner) -> None:
        """The optimisation is gone."""
        self._shelf.forget(owner)

    def _took(self, kind: kube.Kind, body: kube.Object) -> None:
        self._news(self._store.take(kind, body))

    async def _note_hints(self, view: observe.View, hints: str) -> None:
        if await self._studies.tell(view.owner, hints):
            return
        books = await self._shelf.books(view.owner)
        book = next((one for one in books.values() if one.question == view.now.question), None)
        if book is not None and book.hints != hints:
            await self._shelf.append(view.owner, book, pages.line(book, "hints", "hints", {"hints": hints}))

    async def _create(self, view: observe.View, action: act.CreatePolicy) -> None:
        metadata = {
            "name": action.name,
            "namespace": view.owner.namespace,
            "labels": {pages.OPTIMIZATION: view.owner.name, pages.MANAGED_BY: kube.FIELD_MANAGER},
            "ownerReferences": [view.owner.reference],
        }
        body = {"metadata": metadata, "spec": action.spec}
        try:
            made = await kube.create(self._cluster, kube.POLICIES, view.owner.namespace, body)
        except kube.AlreadyExists:  # an earlier attempt's, or somebody else's: the next look tells which
            made = await kube.get(self._cluster, kube.POLICIES, view.owner.namespace, action.name)
        self._took(kube.POLICIES, made)

    async def _approve(self, view: observe.View, action: act.ApprovePolicy) -> None:
        approval = {
            "decision": "Approved",
            "by": view.now.operator,
            "reason": action.reason,
            "examDigest": action.exam,
        }
        body = {"metadata": {"resourceVersion": self._version(view, action.name)}, "approval": approval}
        self._took(
            kube.POLICIES, await kube.merge(self._cluster, kube.POLICIES, view.owner.namespace, action.name, body)
        )

    async def _mark(self, view: observe.View, action: act.MarkPolicy) -> None:
        policy = next(one for one in view.now.policies if one.name == action.name)
        held = self._held(view, action.name)
        said = conditions.Said(status="True" if action.valid else "False", reason=action.reason, message=action.message)
        before = {one["type"]: meta.Condition.model_validate(one) for one in _conditions(held)}
        moment = words.stamp(self._clock.now())
        condition = conditions.stamped("Valid", said, before.get("Valid"), policy.generation, moment)
        status = {"phase": action.phase, "observedGeneration": policy.generation, "conditions": [condition.plain()]}
        metadata = {
            "name": action.name,
            "uid": held["metadata"]["uid"],
            "resourceVersion": self._version(view, action.name),
        }
        body = {"metadata": metadata, "status": status}
        namespace = view.owner.namespace
        self._took(kube.POLICIES, await kube.apply_status(self._cluster, kube.POLICIES, namespace, action.name, body))

    def _held(self, view: observe.View, policy: str) -> kube.Object:
        found = self._store.policy(view.owner.namespace, policy)
        if found is None:
            raise kube.Conflict(kube.Call(verb="patch", kind=kube.POLICIES, name=policy), "it is gone")
        return found

    def _version(self, view: observe.View, policy: str) -> str:
        return str(self._held(view, policy)["metadata"]["resourceVersion"])


def _conditions(body: kube.Object) -> list[dict[str, Any]]:
    return list((body.get("status") or {}).get("conditions") or [])


def _job(view: observe.View, action: act.StartStudy) -> studying.Job:
    hints = view.now.spec.research.hints if view.now.spec is not None else ""
    return studying.Job(
        question=action.question, spec=view.plain_spec, texts=view.texts, hints=hints, model_key=view.model_key
    )

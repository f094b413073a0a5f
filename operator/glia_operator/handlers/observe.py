"""From objects as the cluster shows them to the values that decisions are made of."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from glia_operator.adapters import kube, pages
from glia_operator.api import optimization, section
from glia_operator.api import optimization_status as statuses
from glia_operator.api import policy as policies
from glia_operator.handlers.decision import asking, phases, seen
from glia_operator.research import revision
from glia_sim import faults

if TYPE_CHECKING:
    from glia_operator.handlers import shelf as shelves
    from glia_operator.handlers import store as stores
    from glia_operator.handlers import studies as studying

KNOWN_POLICIES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An observation, and what carrying out its decision takes beside it.

    Attributes:
        model_key: what the model's endpoint is to be shown; empty where the brain needs none.
    """

    now: seen.Observed
    owner: pages.Owner
    version: str
    texts: dict[str, str]
    plain_spec: dict[str, Any]
    model_key: str = field(default="", repr=False)


class Observer:
    """Looks at one optimisation.

    Args:
        cluster: read where the watches do not reach: ConfigMaps, and the Secrets that the chart lets it read.
        store: what the watches have shown.
        shelf: notebooks.
        studies: what runs in this process.
        operator: the operator's own user name.
    """

    def __init__(
        self,
        cluster: kube.Kube,
        *,
        store: stores.Store,
        shelf: shelves.Shelf,
        studies: studying.Studies,
        operator: str,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._shelf = shelf
        self._studies = studies
        self._operator = operator

    async def look(self, key: stores.Key, body: kube.Object, trouble: seen.Trouble | None) -> View:
        """Everything that a decision on this object is made of.

        Raises:
            KubeFault: a ConfigMap or Secret cannot be read now.
        """
        owner = owner_of(body)
        spec, spec_fault = _spec(body)
        texts, question_fault = await self._texts(key.namespace, spec)
        model_key, secret_fault = await self._model_key(key.namespace, spec)
        question_fault = question_fault or secret_fault
        now = seen.Observed(
            name=key.name,
            namespace=key.namespace,
            uid=owner.uid,
            generation=int(body["metadata"].get("generation", 1)),
            deleting="deletionTimestamp" in body["metadata"],
            spec=spec,
            spec_fault=spec_fault,
            before=_status(body),
            winner=self._store.winner(key),
            target=spec is not None and self._store.has_deployment(key.namespace, spec.target.workload_ref.name),
            question="" if spec is None or question_fault is not None else asking.question(spec, texts),
            question_fault=question_fault,
            study=self._studies.of(owner),
            policies=_policies(owner, self._store.policies_of(key)),
            trouble=trouble,
            operator=self._operator,
        )
        if not now.deleting and phases.needs_notebook(now):
            now = await self._with_notebook(now, owner)
        return View(
            now=now,
            owner=owner,
            version=body["metadata"]["resourceVersion"],
            texts=texts,
            plain_spec={} if spec is None else spec.plain(),
            model_key=model_key,
        )

    async def _texts(
        self, namespace: str, spec: optimization.Spec | None
    ) -> tuple[dict[str, str], seen.Trouble | None]:
        ref = spec.offline.config_map_ref if spec is not None and spec.offline is not None else None
        if ref is None:
            return {}, None
        try:
            found = await kube.get(self._cluster, kube.CONFIG_MAPS, namespace, ref.name)
        except kube.NotFound:
            sentence = f"ConfigMap {ref.name} is not in namespace {namespace}; create it with a fleet and a trace"
            return {}, seen.Trouble(reason="ConfigMapMissing", sentence=sentence)
        except kube.Forbidden as fault:
            sentence = f"ConfigMap {ref.name} may not be read: {fault.why}"
            return {}, seen.Trouble(reason="ConfigMapUnreadable", sentence=sentence)
        return {name: str(text) for name, text in (found.get("data") or {}).items()}, None

    async def _model_key(self, namespace: str, spec: optimization.Spec | None) -> tuple[str, seen.Trouble | None]:
        brain = spec.research.brain.openai if spec is not None else None
        ref = brain.api_key_secret_ref if brain is not None else None
        if ref is None:
            return "", None
        try:
            found = await kube.get(self._cluster, kube.SECRETS, namespace, ref.name)
            return base64.b64decode(found["data"][ref.key]).decode().strip(), None
        except kube.NotFound:
            sentence = f"Secret {ref.name} is not in namespace {namespace}; create it with the model's key"
            return "", seen.Trouble(reason="SecretMissing", sentence=sentence)
        except kube.Forbidden:
            sentence = (
                f"Secret {ref.name} may not be read; name it in the chart's value modelSecrets: "
                f"{{namespace: {namespace}, name: {ref.name}}}"
            )
            return "", seen.Trouble(reason="SecretUnreadable", sentence=sentence)
        except (KeyError, TypeError, ValueError):
            sentence = f"Secret {ref.name} has no text under the key {ref.key}"
            return "", seen.Trouble(reason="SecretMissing", sentence=sentence)

    async def _with_notebook(self, now: seen.Observed, owner: pages.Owner) -> seen.Observed:
        try:
            books = await self._shelf.books(owner)
        except pages.BrokenNotebook as fault:
            self._shelf.forget(owner)
            return replace(now, notebook_fault=str(fault))
        own = next((book for book in books.values() if book.question == now.question), None)
        others = tuple(sorted(brief for brief in books if own is None or brief != own.brief))
        return replace(now, notebook=None if own is None else notebook(own), others=others)


def orphans(key: stores.Key, bodies: list[kube.Object]) -> View:
    """Policies whose optimisation is not there."""
    owner = pages.Owner(namespace=key.namespace, name=key.name, uid="")
    now = seen.Observed(name=key.name, namespace=key.namespace, uid="", generation=0, policies=_policies(owner, bodies))
    return View(now=now, owner=owner, version="", texts={}, plain_spec={})


def owner_of(body: kube.Object) -> pages.Owner:
    """Whose objects the operator's are."""
    metadata = body["metadata"]
    return pages.Owner(namespace=metadata["namespace"], name=metadata["name"], uid=metadata["uid"])


def notebook(book: pages.Book) -> seen.Notebook:
    """A book as decisions see it."""
    return seen.Notebook(
        question=book.question,
        brief=book.brief,
        names=book.names,
        last=book.last,
        experiments=book.experiments,
        hints=book.hints,
        finding=book.finding,
        answer=None if book.answer is None else _answer(book.answer),
    )


def _answer(body: dict[str, Any]) -> seen.Answer:
    """The record that ends a study; what an older version did not write is as if it were empty."""
    proposal = body.get("proposal")
    evidence = {} if proposal is None else proposal.get("evidence", {})
    return seen.Answer(
        proposal=proposal,
        digest="" if proposal is None else proposal.get("digest", ""),
        exam=evidence.get("examDigest", ""),
        improvement=evidence.get("improvement", "+0.00%"),
        reasons=tuple(body.get("reasons", ())),
        simulations=int(body.get("simulations", 0)),
        feasible=body.get("feasible"),
        feasibility=body.get("feasibility", ""),
    )


def _spec(body: kube.Object) -> tuple[optimization.Spec | None, str]:
    try:
        return optimization.read(body).spec, ""
    except faults.InputFault as fault:
        return None, str(fault)


def _status(body: kube.Object) -> statuses.OptimizationStatus:
    """The status as it stands; one that cannot be read is as if there were none, and is written anew."""
    try:
        return section.read(statuses.OptimizationStatus, body.get("status") or {}, "status")
    except faults.InputFault:
        return statuses.OptimizationStatus()


def _policies(owner: pages.Owner, bodies: list[kube.Object]) -> tuple[seen.Policy, ...]:
    found = (_policy(owner, body) for body in bodies)
    return tuple(sorted(found, key=lambda policy: (policy.revision, policy.name)))


def _policy(owner: pages.Owner, body: kube.Object) -> seen.Policy:
    spec = body.get("spec") or {}
    evidence = spec.get("evidence") or {}
    approval = body.get("approval") or {}
    status = body.get("status") or {}
    interval = evidence.get("interval")
    found = seen.Policy(
        name=body["metadata"]["name"],
        revision=int(spec.get("revision", 0)),
        digest=str(spec.get("digest", "")),
        brief=str(evidence.get("briefDigest", "")),
        exam=str(evidence.get("examDigest", "")),
        improvement=str(evidence.get("improvement", "+0.00%")),
        interval=None if interval is None else (interval["low"], interval["high"]),
        owned=owner.owns(body),
        fault=fault_of(body["metadata"]["uid"], body),
        decision=str(approval.get("decision", "")),
        by=str(approval.get("by", "")),
        reason=str(approval.get("reason", "")),
        phase=str(status.get("phase", "")),
        generation=int(body["metadata"].get("generation", 1)),
    )
    valid = {one["type"]: one["status"] for one in status.get("conditions", [])}.get("Valid")
    noted = valid == ("False" if found.fault else "True")
    return replace(found, noted=noted)


_checked: dict[str, str] = {}


def fault_of(uid: str, body: kube.Object) -> str:
    """Why a GliaPolicy's programs cannot be used; its spec cannot change, so each is checked once."""
    if uid not in _checked:
        if len(_checked) >= KNOWN_POLICIES:
            _checked.clear()
        _checked[uid] = _fault(body)
    return _checked[uid]


def _fault(body: kube.Object) -> str:
    try:
        revision.policy_document(policies.read(body).spec)
    except faults.InputFault as fault:
        return str(fault)
    return ""

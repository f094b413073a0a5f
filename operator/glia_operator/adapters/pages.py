"""A study's notebook in ConfigMaps: pages below the size limit, owned by the optimisation, bound by the records' chain.

A page is a ConfigMap with lines of JSON under `records.jsonl`. Annotations say which page it is and whose question it
answers. Each write carries the version of the page it expects, so that two writers cannot both go on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from glia_operator.adapters import kube
from glia_operator.research import notebook as notebooks
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = "records.jsonl"
SEQUENCE = "glia.dev/sequence"
BRIEF = "glia.dev/brief-digest"
QUESTION = "glia.dev/question-digest"
SPENT = "glia.dev/spent-seconds"
OPTIMIZATION = "glia.dev/optimization"
PART = "glia.dev/part"
MANAGED_BY = "app.kubernetes.io/managed-by"
PAGE_BYTES = 200_000
"""A page that would grow beyond this is followed by another: every record rewrites its page."""
MOST_BYTES = 500_000
"""One record may be so large; a ConfigMap holds 1 MiB, and this project's stay below 512 KB."""


class BrokenNotebook(faults.Fault):
    """What stands in the ConfigMaps is not a notebook; the message names them and what to do."""


class LostNotebook(faults.Fault):
    """Somebody else wrote to the notebook: another operator leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The optimisation that a notebook belongs to."""

    namespace: str
    name: str
    uid: str

    @property
    def reference(self) -> kube.Object:
        """The owner reference that lets the garbage collector follow."""
        return {
            "apiVersion": kube.OPTIMIZATIONS.api_version,
            "kind": kube.OPTIMIZATIONS.kind,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": False,
        }

    def owns(self, body: kube.Object) -> bool:
        """Whether the object names this very optimisation as its owner."""
        return any(one.get("uid") == self.uid for one in body["metadata"].get("ownerReferences", []))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One ConfigMap."""

    name: str
    uid: str
    version: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """All pages of one brief.

    Attributes:
        question: digest of what the user asked, as the operator sees it without building the brief.
        brief: digest of the brief.
        pages: by sequence.
        last: digest of the newest record.
        records: how many.
        experiments: how many of them are finished experiments.
        spent_s: how long its study had run when its newest record was written; pauses do not count.
        hints: the newest that it holds.
        finding: what its newest experiment found, in a sentence.
        answer: body of the record that ends a study; None while it goes on.
    """

    question: str
    brief: str
    pages: tuple[Page, ...] = ()
    last: str = notebooks.GENESIS
    records: int = 0
    experiments: int = 0
    spent_s: float = 0.0
    hints: str = ""
    finding: str = ""
    answer: Any = None

    @property
    def lines(self) -> list[str]:
        """Every record, in order."""
        return [line for page in self.pages for line in page.text.splitlines()]

    @property
    def names(self) -> tuple[str, ...]:
        """The ConfigMaps, in order."""
        return tuple(page.name for page in self.pages)


def line(book: Book, kind: str, key: str, body: Any) -> str:  # noqa: ANN401 - any JSON
    """The record that follows in this book."""
    return notebooks.line(book.last, kind, key, body)


def page_name(owner: Owner, brief: str, sequence: int) -> str:
    """The ConfigMap's name: it says whose, on which brief, and which page."""
    return f"{owner.name}-notebook-{owner.uid.replace('-', '')[:8]}-{brief.removeprefix('sha256:')[:10]}-{sequence}"


def read(owner: Owner, config_maps: Iterable[kube.Object]) -> dict[str, Book]:
    """The books of one optimisation, by the brief's digest.

    Raises:
        BrokenNotebook: a page is missing, or a record is not what its digest says.
    """
    by_brief: dict[str, list[kube.Object]] = {}
    for body in config_maps:
        if owner.owns(body):
            by_brief.setdefault(_annotation(body, BRIEF), []).append(body)
    return {brief: _book(brief, bodies) for brief, bodies in by_brief.items()}


def _annotation(body: kube.Object, name: str) -> str:
    return str((body["metadata"].get("annotations") or {}).get(name, ""))


def _book(brief: str, bodies: list[kube.Object]) -> Book:
    names = ", ".join(sorted(body["metadata"]["name"] for body in bodies))
    mend = f"delete ConfigMap {names} to begin this study anew"
    try:
        ordered = sorted(bodies, key=lambda body: int(_annotation(body, SEQUENCE)))
        numbers = [int(_annotation(body, SEQUENCE)) for body in ordered]
    except ValueError:
        raise BrokenNotebook(f"a page has no number in its annotation {SEQUENCE}; {mend}") from None
    if numbers != list(range(len(ordered))):
        raise BrokenNotebook(f"pages {numbers} are there, {len(ordered)} in a row from 0 would be right; {mend}")
    book = Book(question=_annotation(ordered[-1], QUESTION), brief=brief, spent_s=_spent_s(ordered[-1]))
    for body in ordered:
        book = replace(book, pages=(*book.pages, _page(body)))
        for number, line in enumerate(book.pages[-1].text.splitlines(), start=1):
            try:
                book = admitted(book, line)
            except faults.InputFault as fault:
                raise BrokenNotebook(f"ConfigMap {body['metadata']['name']}, line {number}: {fault}; {mend}") from None
    return book


def _spent_s(body: kube.Object) -> float:
    """What an older version did not write, or somebody made unreadable, counts as nothing."""
    text = _annotation(body, SPENT)
    return float(text) if text.isdecimal() else 0.0


def _page(body: kube.Object) -> Page:
    metadata = body["metadata"]
    text = str((body.get("data") or {}).get(KEY, ""))
    return Page(name=metadata["name"], uid=metadata["uid"], version=metadata["resourceVersion"], text=text)


def admitted(book: Book, line: str) -> Book:
    """The book with one record more, its pages as they are.

    Raises:
        InputFault: the line is no record, of another schema, or not the one that follows.
    """
    record = notebooks.follow(book.last, line)
    kind, body = record.kind, record.body
    return replace(
        book,
        last=record.digest,
        records=book.records + 1,
        experiments=book.experiments + (kind == "experiment"),
        hints=body["hints"] if kind == "hints" else book.hints,
        finding=f"{record.key.rpartition(' ')[0]}: {body['finding']}" if kind == "finding" else book.finding,
        answer=body if kind == "answer" else book.answer,
    )


async def load(cluster: kube.Kube, owner: Owner) -> dict[str, Book]:
    """Read all books of an optimisation; raises as `read`."""
    labels = f"{OPTIMIZATION}={owner.name},{PART}=notebook"
    found = await kube.list_all(cluster, kube.CONFIG_MAPS, owner.namespace, labels=labels)
    return read(owner, found.items)


async def append(cluster: kube.Kube, owner: Owner, book: Book, line: str) -> Book:
    """Write one record; it stands in the cluster when this returns.

    Raises:
        InputFault: the record does not follow, or is too large.
        LostNotebook: the page is not as this operator left it.
    """
    grown = admitted(book, line)
    if len(line) > MOST_BYTES:
        raise faults.InputFault(f"a record of {len(line)} bytes; at most {MOST_BYTES} fit into a page")
    last = book.pages[-1] if book.pages else None
    if last is None or len(last.text) + len(line) > PAGE_BYTES:
        page = await _new_page(cluster, owner, book, line + "\n")
        return replace(grown, pages=(*book.pages, page))
    page = await _longer_page(cluster, owner, last, last.text + line + "\n", spent_s=book.spent_s)
    return replace(grown, pages=(*book.pages[:-1], page))


async def _new_page(cluster: kube.Kube, owner: Owner, book: Book, text: str) -> Page:
    sequence = len(book.pages)
    name = page_name(owner, book.brief, sequence)
    metadata = {
        "name": name,
        "namespace": owner.namespace,
        "labels": {OPTIMIZATION: owner.name, PART: "notebook", MANAGED_BY: kube.FIELD_MANAGER},
        "annotations": {
            SEQUENCE: str(sequence),
            BRIEF: book.brief,
            QUESTION: book.question,
            SPENT: f"{book.spent_s:.0f}",
        },
        "ownerReferences": [owner.reference],
    }
    body = {"metadata": metadata, "data": {KEY: text}}
    try:
        return _page(await kube.create(cluster, kube.CONFIG_MAPS, owner.namespace, body))
    except kube.AlreadyExists:
        return await _same(cluster, owner, name, text)


async def _longer_page(cluster: kube.Kube, owner: Owner, page: Page, text: str, *, spent_s: float) -> Page:
    metadata = {"resourceVersion": page.version, "annotations": {SPENT: f"{spent_s:.0f}"}}
    body = {"metadata": metadata, "data": {KEY: text}}
    try:
        return _page(await kube.merge(cluster, kube.CONFIG_MAPS, owner.namespace, page.name, body))
    except kube.NotFound:
        raise LostNotebook(f"ConfigMap {page.name} was deleted") from None
    except kube.Conflict:
        found = await _found(cluster, owner, page.name)
        if found.text == page.text:  # somebody touched its labels
            return await _longer_page(cluster, owner, replace(page, version=found.version), text, spent_s=spent_s)
        return await _same(cluster, owner, page.name, text)


async def _same(cluster: kube.Kube, owner: Owner, name: str, text: str) -> Page:
    """The page, if it is what an earlier attempt of ours wrote whose answer was lost."""
    found = await _found(cluster, owner, name)
    if found.text != text:
        raise LostNotebook(f"ConfigMap {name} was written by somebody else")
    return found


async def _found(cluster: kube.Kube, owner: Owner, name: str) -> Page:
    try:
        return _page(await kube.get(cluster, kube.CONFIG_MAPS, owner.namespace, name))
    except kube.NotFound:
        raise LostNotebook(f"ConfigMap {name} was deleted") from None


async def annotate(cluster: kube.Kube, owner: Owner, book: Book, question: str) -> Book:
    """Note that this book answers that question too: another question may come to the same brief."""
    if not book.pages or book.question == question:
        return replace(book, question=question)
    page = book.pages[-1]
    body = {"metadata": {"resourceVersion": page.version, "annotations": {QUESTION: question}}}
    try:
        changed = _page(await kube.merge(cluster, kube.CONFIG_MAPS, owner.namespace, page.name, body))
    except (kube.Conflict, kube.NotFound):
        raise LostNotebook(f"ConfigMap {page.name} was written by somebody else") from None
    return replace(book, question=question, pages=(*book.pages[:-1], changed))


async def discard(cluster: kube.Kube, owner: Owner, book: Book) -> None:
    """Delete a book's pages, the last first, so that what remains after an interruption is still a book."""
    for page in reversed(book.pages):
        await kube.delete(cluster, kube.CONFIG_MAPS, owner.namespace, page.name, uid=page.uid)

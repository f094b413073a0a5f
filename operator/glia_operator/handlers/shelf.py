"""The notebooks that this process has read, each until its optimisation is gone or somebody else wrote to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.adapters import pages

if TYPE_CHECKING:
    from glia_operator.adapters import kube


class Shelf:
    """Reads each optimisation's notebooks once, and keeps them as they grow.

    Only the leader writes notebooks, so what it has read and written is what stands there; a write that meets another
    version says so, and then the notebook is read again.
    """

    def __init__(self, cluster: kube.Kube) -> None:
        self._cluster = cluster
        self._books: dict[str, dict[str, pages.Book]] = {}

    async def books(self, owner: pages.Owner) -> dict[str, pages.Book]:
        """By the brief's digest; raises as `pages.load`."""
        if owner.uid not in self._books:
            self._books[owner.uid] = await pages.load(self._cluster, owner)
        return self._books[owner.uid]

    async def append(self, owner: pages.Owner, book: pages.Book, line: str) -> pages.Book:
        """Write one record; raises as `pages.append`."""
        return self._kept(owner, await pages.append(self._cluster, owner, book, line))

    async def claim(self, owner: pages.Owner, brief: str, question: str) -> pages.Book:
        """The book of a brief, noted as the answer to this question; a new one where there is none."""
        book = (await self.books(owner)).get(brief, pages.Book(question=question, brief=brief))
        return self._kept(owner, await pages.annotate(self._cluster, owner, book, question))

    async def discard(self, owner: pages.Owner, brief: str) -> None:
        """Delete a book."""
        book = (await self.books(owner)).pop(brief, None)
        if book is not None:
            await pages.discard(self._cluster, owner, book)

    def forget(self, owner: pages.Owner) -> None:
        """Read it again when it is needed next."""
        self._books.pop(owner.uid, None)

    def _kept(self, owner: pages.Owner, book: pages.Book) -> pages.Book:
        self._books.setdefault(owner.uid, {})[book.brief] = book
        return book

"""Studies: so many run at a time, the others wait in the order in which they came."""

from __future__ import annotations

import asyncio
import collections
import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import structlog

from glia_operator.adapters import kube, pages
from glia_operator.handlers.decision import seen
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from glia_operator.adapters import clock as clocks
    from glia_operator.adapters import study_process
    from glia_operator.handlers import shelf as shelves

FIRST_REST_S = 10.0
LONGEST_REST_S = 600.0
BRIEF_WITHIN_S = 300.0
"""Building a brief reads a trace; what takes longer than this is broken."""
WRITE_TRIES = 8
"""How often a record is offered to an API that does not answer, each time after a longer wait."""

log = structlog.get_logger(__name__)


class BrokeDown(faults.Fault):
    """The study's process ended before its study did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a study is told.

    Attributes:
        question: digest of the question.
        spec: the GliaOptimization's spec, plain.
        texts: the data of the ConfigMap that the spec names.
        hints: what the user knows.
        model_key: what the model's endpoint is to be shown.
    """

    question: str
    spec: dict[str, Any]
    texts: dict[str, str] = field(default_factory=dict)
    hints: str = ""
    model_key: str = field(default="", repr=False)


@dataclass(slots=True, kw_only=True)
class _Entry:
    owner: pages.Owner
    job: Job
    study: seen.Study
    task: asyncio.Task[None] | None = None
    process: study_process.Process | None = None
    failures: int = 0
    rested_at_s: float = 0.0


class Studies:
    """Starts, stops and watches the processes of studies.

    Args:
        shelf: the notebooks.
        start: starts a process.
        workers: how many studies run at a time.
        processes: how many processes each may use for its simulations.
        notify: called with the owner when there is news.
        finished: told how many experiments came to an end.
    """

    def __init__(
        self,
        shelf: shelves.Shelf,
        *,
        start: Callable[[], Awaitable[study_process.Process]],
        clock: clocks.Clock,
        workers: int,
        processes: int,
        notify: Callable[[pages.Owner], None],
        finished: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._finished = finished
        self._shelf = shelf
        self._start = start
        self._clock = clock
        self._workers = workers
        self._processes = processes
        self._notify = notify
        self._entries: dict[str, _Entry] = {}
        self._line: collections.deque[str] = collections.deque()
        self._closed = False

    @property
    def running(self) -> int:
        """How many run now."""
        return sum(entry.task is not None for entry in self._entries.values())

    def of(self, owner: pages.Owner) -> seen.Study:
        """Where the owner's study is."""
        entry = self._entries.get(owner.uid)
        if entry is None:
            return seen.Study()
        if entry.study.stage is not seen.Stage.CRASHED:
            return entry.study
        return replace(entry.study, retry_in_s=max(0.0, entry.rested_at_s - self._clock.monotonic()))

    async def want(self, owner: pages.Owner, job: Job) -> None:
        """Study this; nothing happens where it is studied or waits already. Another question's study ends first."""
        known = self._entries.get(owner.uid)
        busy = (seen.Stage.WAITING, seen.Stage.RUNNING)
        if known is not None and known.study.stage in busy and known.job.question == job.question:
            return
        failures = known.failures if known is not None and known.job.question == job.question else 0
        await self.stop(owner)
        study = seen.Study(stage=seen.Stage.WAITING, question=job.question, hints=job.hints)
        self._entries[owner.uid] = _Entry(owner=owner, job=job, study=study, failures=failures)
        self._line.append(owner.uid)
        self._fill()

    async def stop(self, owner: pages.Owner) -> None:
        """End the study, if there is one; what it wrote stays."""
        entry = self._entries.pop(owner.uid, None)
        with contextlib.suppress(ValueError):
            self._line.remove(owner.uid)
        if entry is not None and entry.task is not None:
            entry.task.cancel()
            await asyncio.gather(entry.task, return_exceptions=True)
        self._fill()

    async def tell(self, owner: pages.Owner, hints: str) -> bool:
        """Give hints to the study that runs; False where none does."""
        entry = self._entries.get(owner.uid)
        if entry is None or entry.process is None:
            return False
        entry.study = replace(entry.study, hints=hints)
        await entry.process.write({"hints": hints})
        return True

    async def close(self) -> None:
        """End all."""
        self._closed = True
        self._line.clear()
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._entries.clear()

    def _fill(self) -> None:
        while self._line and not self._closed and self.running < self._workers:
            entry = self._entries[self._line.popleft()]
            entry.study = replace(entry.study, stage=seen.Stage.RUNNING)
            entry.task = asyncio.create_task(self._watched(entry))

    async def _watched(self, entry: _Entry) -> None:
        """Run the study to an end, whatever the end, and let the next begin."""
        try:
            entry.study = await self._session(entry)
            entry.failures = 0
        except pages.BrokenNotebook as fault:
            log.warning("the notebook is broken", optimization=entry.owner.name, error=str(fault))
            self._shelf.forget(entry.owner)
            entry.study = seen.Study()
        except (faults.Fault, OSError, TimeoutError) as fault:
            self._rest(entry, str(fault) or type(fault).__name__)
        except Exception as fault:
            log.exception("a study broke down", optimization=entry.owner.name)
            self._rest(entry, f"{type(fault).__name__}: {fault}")
        finally:
            entry.task, entry.process = None, None
            self._fill()
            self._notify(entry.owner)

    def _rest(self, entry: _Entry, sentence: str) -> None:
        self._shelf.forget(entry.owner)
        rest_s = min(LONGEST_REST_S, FIRST_REST_S * 2.0**entry.failures)
        entry.failures += 1
        entry.rested_at_s = self._clock.monotonic() + rest_s
        entry.study = replace(entry.study, stage=seen.Stage.CRASHED, sentence=sentence)
        log.warning("a study rests", optimization=entry.owner.name, error=sentence, rest_s=rest_s)

    async def _session(self, entry: _Entry) -> seen.Study:
        process = await self._start()
        try:
            entry.process = process
            return await self._dialogue(entry, process)
        finally:
            await asyncio.shield(process.kill())

    async def _dialogue(self, entry: _Entry, process: study_process.Process) -> seen.Study:
        job, owner = entry.job, entry.owner
        told = {"name": owner.name, "spec": job.spec, "texts": job.texts, "hints": entry.study.hints}
        await process.write({**told, "processes": self._processes, "model_key": job.model_key})
        async with asyncio.timeout(BRIEF_WITHIN_S):
            first = await self._heard(process)
        if "refused" in first:
            return seen.Study(stage=seen.Stage.REFUSED, question=job.question, sentence=first["refused"])
        self._shelf.forget(owner)
        book = await self._shelf.claim(owner, first["brief"], job.question)
        if book.answer is not None:
            return seen.Study()
        entry.study = replace(entry.study, brief=book.brief, budget=first["budget"])
        self._notify(owner)
        await process.write({"records": book.lines, "spent_s": book.spent_s})
        return await self._followed(entry, process, book)

    async def _followed(self, entry: _Entry, process: study_process.Process, book: pages.Book) -> seen.Study:
        """Keep every record, and note where the study stands."""
        began_s = self._clock.monotonic() - book.spent_s
        while True:
            message = await self._heard(process)
            if "record" in message:
                before = book.experiments
                book = replace(book, spent_s=self._clock.monotonic() - began_s)
                book = await self._kept(entry.owner, book, message["record"])
                await process.write({"safe": book.records})
                self._finished(book.experiments - before)
            elif "doing" in message:
                progress = {name: message[name] for name in ("done", "doing", "simulations")}
                entry.study = replace(entry.study, **progress)
                self._notify(entry.owner)
            elif "refused" in message:
                sentence = message["refused"]
                return seen.Study(stage=seen.Stage.REFUSED, question=entry.job.question, sentence=sentence)
            elif "finished" in message:
                return seen.Study()

    async def _heard(self, process: study_process.Process) -> dict[str, Any]:
        message = await process.read()
        if message is None:
            raise BrokeDown(f"its process ended ({await process.kill()})")
        if "broke" in message:
            raise BrokeDown(message["broke"])
        return message

    async def _kept(self, owner: pages.Owner, book: pages.Book, line: str) -> pages.Book:
        """Write a record, however long the API is away: meanwhile the study waits."""
        for attempt in range(WRITE_TRIES):
            try:
                return await self._shelf.append(owner, book, line)
            except (kube.Busy, kube.Unavailable) as fault:
                log.warning("a record is not safe yet", optimization=owner.name, error=str(fault))
                await self._clock.sleep(min(30.0, 2.0**attempt))
        return await self._shelf.append(owner, book, line)

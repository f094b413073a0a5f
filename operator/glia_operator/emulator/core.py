"""The server without its wires: sessions, the engine, limits and metrics, with the time as an argument."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from glia_operator.emulator import asks, ledger, page, session, tokens
from glia_sim.engine import replica

if TYPE_CHECKING:
    from glia_operator.emulator import settings as settled


class Core:
    """One emulated server; all times are seconds on the engine's clock and never go back.

    Attributes:
        unheard: by number, requests with tokens between their first and their last that are still to hear of them.
    """

    def __init__(self, settings: settled.Settings, *, created: float) -> None:
        self.settings = settings
        self.page = page.Page(settings, created=created)
        self._ledger = ledger.Ledger(self.page)
        self._engine = replica.Replica(settings.group, disturbance=settings.disturbance)
        self._sessions: dict[int, session.Session] = {}
        self._unscheduled: set[int] = set()
        self._unseen = 0
        self._prefilling_tokens = 0
        self._reached_s = 0.0
        self.unheard: dict[int, session.Session] = {}

    @property
    def due(self) -> float:
        """When the engine's next event is; infinity where it has nothing to do."""
        return self._engine.due

    @property
    def live(self) -> int:
        """Requests that wait or run."""
        return len(self._sessions)

    def admit(self, prompt_tokens: int, *, full: bool = False) -> None:
        """Refuse a request where a queue limit is reached, or `full` says that it is to look so.

        Raises:
            Refusal: with status 503.
        """
        settings = self.settings
        reason = ""
        if full or (settings.max_queued_requests is not None and self.live >= settings.max_queued_requests):
            reason = "max_num_queued_reqs"
        elif (
            settings.max_queued_tokens is not None
            and self._prefilling_tokens + prompt_tokens > settings.max_queued_tokens
        ):
            reason = "max_num_queued_tokens"
        if reason:
            self._ledger.rejected(reason)
            raise asks.Refusal(
                f"The server's queue is full ({reason}); try again later or elsewhere.",
                status=503,
                kind="ServiceUnavailableError",
            )

    def open(self, t: float, ask: asks.Ask) -> session.Session:
        """Hand a request to the engine at time t."""
        t = max(t, self._reached_s)
        self.advance(t, arriving=True)
        engine = self.settings.engine
        content = None
        if engine.prefix_caching:
            content = tokens.content(ask.prompt, ask.reply, ask.output_tokens, engine.block_size)
        order = replica.Order(
            prompt_tokens=len(ask.prompt), output_tokens=ask.output_tokens, priority=ask.priority, content=content
        )
        number = self._engine.submit(t, order)
        opened = session.Session(ask=ask, number=number, arrival_s=t)
        self._sessions[number] = opened
        self._unscheduled.add(number)
        self._unseen += 1
        self._prefilling_tokens += len(ask.prompt)
        return opened

    def close(self, t: float, one: session.Session) -> None:
        """The client of a request goes away; nothing happens if it has ended."""
        t = max(t, self._reached_s)
        self.advance(t, arriving=True)
        if one.done:
            return
        one.done = True
        self._engine.abort(t, one.number)
        self._forget(one)

    def advance(self, t: float, *, arriving: bool = False) -> None:
        """Run the engine to time t: sessions get their tokens and hear of it."""
        self._reached_s = max(t, self._reached_s)
        for step in self._engine.advance(self._reached_s, arriving=arriving):
            self._take(step)
        if self._engine.due == math.inf:
            self._ledger.gauges(self._engine.gauges, unseen=0)

    def _take(self, step: replica.Step) -> None:
        self._admissions()
        served = [self._sessions[number] for number in step.tokens]
        for one in served:
            one.preemptions = int(self._engine.record(one.number)["preemptions"])
        self._ledger.step(step.t, served)
        for one in served:
            self._deliver(step.t, one)
        self._ledger.gauges(self._engine.gauges, unseen=self._unseen)
        self._unseen = 0
        for number in step.finished:
            one = self._sessions[number]
            one.done = True
            self._ledger.finished(step.t, one)
            self._forget(one)
        # The first and the last tokens are what latencies are measured by; they leave at once.
        for one in served:
            if one.done or one.delivered == 1:
                one.heard()
            else:
                self.unheard[one.number] = one

    def _deliver(self, t: float, one: session.Session) -> None:
        if one.delivered == 0:
            one.first_token_s = t
            self._prefilling_tokens -= len(one.ask.prompt)
        one.last_token_s = t
        one.delivered += 1
        one.preemptions_counted = one.preemptions

    def _admissions(self) -> None:
        """Note which requests have been scheduled for the first time."""
        for number in self._engine.scheduled(self._unscheduled):
            record = self._engine.record(number)
            one = self._sessions[number]
            one.scheduled_s, one.cached = float(record["first_sched"]), int(record["cached"])
            self._ledger.admitted(one, one.cached)
            self._unscheduled.discard(number)

    def _forget(self, one: session.Session) -> None:
        del self._sessions[one.number]
        self.unheard.pop(one.number, None)
        self._unscheduled.discard(one.number)
        if one.delivered == 0:
            self._prefilling_tokens -= len(one.ask.prompt)

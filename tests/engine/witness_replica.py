"""One vLLM V1 replica in plain Python, written from vLLM's published behaviour and not from the engine.

Everything is recounted from the requests themselves; nothing is kept incrementally that could drift.
"""

from __future__ import annotations

import collections
import math
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True, eq=False)
class Request:
    """A request and what became of it. `key(i)` names the content of its i-th block."""

    number: int
    arrival: float
    prompt: int
    output: int
    priority: float = 0.0
    chain: tuple[int, ...] = ()
    chunk_tokens: int = 1
    shared: int = 0
    streaming: bool = True
    picker: int = 0
    sequence: int = 0
    replica: int = -1
    status: str = "coming"
    reached: float = math.nan
    first_exec: float = math.nan
    first_token: float = math.nan
    finish: float = math.nan
    preemptions: int = 0
    cached: int = 0
    admitted_before: bool = False
    delivered: int = 0
    computed: int = 0
    placeholders: int = 0
    blocks: list[int] = field(default_factory=list)

    @property
    def known(self) -> int:
        return self.prompt + self.delivered

    def key(self, i, size):
        end = (i + 1) * size
        if end <= self.shared:
            return (i, self.chain[(end - 1) // self.chunk_tokens])
        return ("own", self.number, i)


class Blocks:
    """vLLM's block pool: a queue of free blocks, some of which still hold cached content."""

    def __init__(self, usable, size, *, caching):
        self.size, self.usable, self.caching = size, usable, caching
        self.free = collections.OrderedDict.fromkeys(range(usable))
        self.users = [0] * usable
        self.key_of = {}
        self.holders = collections.defaultdict(list)

    def hits(self, request):
        """Cached blocks that hold the request's first tokens, all but the last token at most."""
        found = []
        if not self.caching:
            return found
        for i in range((request.known - 1) // self.size):
            holders = self.holders.get(request.key(i, self.size))
            if not holders:
                break
            found.append(holders[0])
        return found

    def allocate(self, request, tokens, *, hits=(), spare=0, whole=False):
        """Room for `tokens` more tokens of a request behind its hits, or False with nothing changed."""
        start = request.computed + len(hits) * self.size
        revived = sum(1 for block in hits if self.users[block] == 0)
        if whole and math.ceil(request.known / self.size) - len(hits) + revived + spare > len(self.free):
            return False
        fresh = math.ceil((start + tokens) / self.size) - len(request.blocks) - len(hits)
        if fresh + revived + spare > len(self.free):
            return False
        for block in hits:
            self.users[block] += 1
            self.free.pop(block, None)
        request.blocks.extend(hits)
        for _ in range(fresh):
            block, _ = self.free.popitem(last=False)
            self._forget(block)
            self.users[block] = 1
            request.blocks.append(block)
        self.remember(request, min(start + tokens, request.known))
        return True

    def _forget(self, block):
        key = self.key_of.pop(block, None)
        if key is not None:
            self.holders[key].remove(block)

    def remember(self, request, tokens):
        """The content of a request's whole blocks among its first tokens can be found from now on."""
        if not self.caching:
            return
        for i, block in enumerate(request.blocks[: tokens // self.size]):
            if block not in self.key_of:
                self.key_of[block] = request.key(i, self.size)
                self.holders[self.key_of[block]].append(block)

    def release(self, request):
        for block in reversed(request.blocks):
            self.users[block] -= 1
            if self.users[block] == 0:
                self.free[block] = None
                if block not in self.key_of:
                    self.free.move_to_end(block, last=False)
        request.blocks = []


@dataclass(slots=True, kw_only=True, eq=False)
class Step:
    """What one step computes: (request, tokens, tokens computed before, emits a token, decodes)."""

    work: list = field(default_factory=list)
    end: float = math.nan
    preempted: list = field(default_factory=list)


class Scheduler:
    """Continuous batching: running requests first, then admissions from the waiting queue."""

    def __init__(self, engine, *, caching, by_priority):
        self.engine, self.by_priority = engine, by_priority
        self.blocks = Blocks(engine.num_blocks - 1, engine.block_size, caching=caching)
        self.waiting, self.running = [], []

    def add(self, request):
        self.waiting.append(request)
        self._sort()

    def _sort(self):
        if self.by_priority:
            self.waiting.sort(key=lambda one: (one.priority, one.reached, one.number))

    def drop(self, request):
        """Forget a request that finished or whose client went away."""
        for queue in (self.waiting, self.running):
            if request in queue:
                queue.remove(request)
        self.blocks.release(request)

    def schedule(self):
        step, ran = Step(), set(self.running)
        budget = self._continue_running(step, self.engine.max_num_batched_tokens)
        if not step.preempted:
            self._admit(step, budget)
        step.work = [self._launch(request, tokens, request in ran) for request, tokens in step.work]
        return step

    def _launch(self, request, tokens, ran):
        """One token of a request that ran before is a decode; all else is a chunk of a prompt."""
        before = request.computed
        request.computed += tokens
        return request, tokens, before, self._emits(request), ran and tokens == 1

    def _emits(self, request):
        if request.computed < request.known + request.placeholders:
            return False
        request.placeholders += 1
        return True

    def _tokens(self, request, budget):
        tokens = request.known + request.placeholders - request.computed
        cap = self.engine.long_prefill_token_threshold
        if cap > 0 and len(self.running) + len(self.waiting) > 1:
            tokens = min(tokens, cap)
        return min(tokens, budget)

    def _continue_running(self, step, budget):
        position = 0
        while position < len(self.running) and budget > 0:
            request = self.running[position]
            position += 1
            if request.delivered + request.placeholders >= request.output:
                continue
            tokens = self._tokens(request, budget)
            while request in self.running and not self.blocks.allocate(request, tokens):
                victim = self._victim()
                if self.running.index(victim) < position:
                    position -= 1
                budget += self._preempt(victim, step)
            if request not in self.running:
                break
            step.work.append((request, tokens))
            budget -= tokens
        return budget

    def _victim(self):
        if self.by_priority:
            return max(self.running, key=lambda one: (one.priority, one.reached))
        return self.running[-1]

    def _preempt(self, victim, step):
        """Send a running request back to the waiting queue; the budget it had been given in this step comes back."""
        refund = sum(tokens for request, tokens in step.work if request is victim)
        step.work = [item for item in step.work if item[0] is not victim]
        step.preempted.append(victim)
        self.running.remove(victim)
        self.blocks.release(victim)
        victim.computed, victim.placeholders = 0, 0
        victim.preemptions += 1
        self.waiting.insert(0, victim)
        self._sort()
        return refund

    def _admit(self, step, budget):
        limit = min(self.engine.max_num_seqs, self.engine.max_num_active_seqs or math.inf)
        while self.waiting and budget > 0 and len(self.running) < limit:
            request = self.waiting[0]
            hits = self.blocks.hits(request)
            skipped = len(hits) * self.blocks.size
            request.computed = skipped
            tokens = self._tokens(request, budget)
            request.computed = 0
            spare = int(self.engine.watermark * self.engine.num_blocks) if self.running else 0
            if not self.blocks.allocate(request, tokens, hits=hits, spare=spare, whole=self.engine.reserve_full_isl):
                return
            if not request.admitted_before:
                request.cached, request.admitted_before = skipped, True
            request.computed = skipped
            self.waiting.pop(0)
            self.running.append(request)
            step.work.append((request, tokens))
            budget -= tokens

    def deliver(self, step, now):
        """The step's output leaves; returns (requests that got a token, those of them that are complete)."""
        got = [request for request, _, _, emits, _ in step.work if emits and request.status == "dispatched"]
        done = []
        for request in got:
            request.delivered += 1
            request.placeholders = max(0, request.placeholders - 1)
            if request.delivered == 1:
                request.first_token = now
            if self.engine.async_scheduling and request in self.running:
                self.blocks.remember(request, request.computed - request.placeholders)
            if request.delivered == request.output:
                request.finish = now
                done.append(request)
                self.drop(request)
        return got, done

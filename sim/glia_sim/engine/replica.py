"""One replica in Python's hands: requests and aborts come in, steps come out; whoever calls says what time it is."""

from __future__ import annotations

import collections
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glia_sim.engine import build, handle, layout, online, world

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import numpy.typing as npt

    from glia_sim import fleet as fleets

FIRST_RECORDS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """How steps deviate from the formula, as a function of `seed` and the step's number alone.

    Attributes:
        spread: standard deviation of the logarithm of a factor of mean 1; 0 = none.
        stall_every_s: mean busy seconds between two stalls; 0 = none.
        stall_s: seconds that a stalled step takes longer.
    """

    seed: int = 0
    spread: float = 0.0
    stall_every_s: float = 0.0
    stall_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request as it reaches the replica; `content` identifies its whole blocks where prefixes are cached."""

    prompt_tokens: int
    output_tokens: int
    priority: int = 0
    content: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step delivered at `t`: a token to each request of `tokens`; `finished` got their last."""

    t: float
    tokens: tuple[int, ...]
    finished: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """The replica's state between two steps."""

    running: int
    waiting: int
    kv_used: float  # share of the KV blocks, 0..1


class Replica:
    """A replica of a group of a fleet; requests are known by the number of their record, used again after their end."""

    def __init__(self, group: fleets.Group, *, disturbance: Disturbance | None = None) -> None:
        shaken = disturbance or Disturbance()
        self._caching = bool(group.engine.prefix_caching)
        self._width = -(-group.engine.max_model_len // group.engine.block_size) + 1 if self._caching else 0
        self._world = _empty_world(group, caching=self._caching, width=self._width)
        self._pace = np.zeros(1, online.PACE)
        self._pace["due"] = math.inf
        self._pace["seed"] = shaken.seed % 2**64
        self._pace["spread"] = shaken.spread
        self._pace["stall_every_s"], self._pace["stall_s"] = shaken.stall_every_s, shaken.stall_s
        self._free = list(range(FIRST_RECORDS - 1, -1, -1))
        self._ended: collections.deque[tuple[int, int]] = collections.deque()
        self._attach()
        if self._caching:
            online.empty(self._handle)

    @property
    def due(self) -> float:
        """When the next event is; infinity where nothing is to be done."""
        return float(self._pace["due"][0])

    @property
    def gauges(self) -> Gauges:
        """The state now."""
        rep = self._world.rep[0]
        usable = int(rep["usable"])
        used = (usable - int(rep["free"])) / usable
        return Gauges(running=int(rep["running"]), waiting=int(rep["waiting"]), kv_used=used)

    def record(self, q: int) -> np.void:
        """What is known of request q (`layout.REQUEST`); good until the next call of `submit`."""
        found: np.void = self._world.req[q]
        return found

    def scheduled(self, numbers: Collection[int]) -> list[int]:
        """Those of the requests that have been scheduled once or more."""
        asked = np.fromiter(numbers, np.int64, len(numbers))
        found: list[int] = asked[self._world.req["first_sched"][asked] >= 0.0].tolist()
        return found

    def submit(self, t: float, order: Order) -> int:
        """Take a request in at time t, to which `advance(t, arriving=True)` has run; returns its number."""
        q = self._take()
        req = self._world.req[q]
        req["arrival"] = req["dispatch"] = t
        req["prompt"], req["output"], req["priority"] = order.prompt_tokens, order.output_tokens, order.priority
        if self._caching and order.content is not None:
            start = q * self._width
            self._world.chain[start : start + len(order.content)] = order.content
            req["shared"] = len(order.content) * int(self._world.rep["block_size"][0])
        online.submit(self._handle, self._pace, q, t)
        return q

    def abort(self, t: float, q: int) -> None:
        """The client of request q goes away at time t, before its last token."""
        online.abort(self._handle, self._scratch, q, t)
        self._collect()

    def advance(self, t: float, *, arriving: bool = False) -> Iterator[Step]:
        """The steps that end by time t; `arriving` leaves the building of a step at t itself for after the arrival."""
        while online.advance(self._handle, self._pace, self._sampled, self._scratch, t, arriving):
            count = int(self._pace["sampled"][0])
            at = float(self._pace["due"][0])
            yield Step(t=at, tokens=tuple(self._sampled[:count].tolist()), finished=self._collect())

    def _collect(self) -> tuple[int, ...]:
        """Requests that ended since the last call; their records rest until no step in flight knows them."""
        count = int(self._world.tally[world.ENDED])
        self._world.tally[world.ENDED] = 0
        ended = tuple(self._world.ended[:count].tolist())
        launched = int(self._world.rep["iterations"][0])
        self._ended.extend((q, launched) for q in ended)
        return ended

    def _take(self) -> int:
        rep = self._world.rep[0]
        delivered = int(rep["iterations"]) - int(rep["steps"])
        while self._ended and self._ended[0][1] <= delivered and self._rests(self._ended[0][0]):
            self._free.append(self._ended.popleft()[0])
        if not self._free:
            self._grow()
        q = self._free.pop()
        self._world.req[q] = _blank(q, self._width)
        return q

    def _rests(self, q: int) -> bool:
        return int(self._world.req["state"][q]) in (layout.DONE, layout.FAILED)

    def _grow(self) -> None:
        """Twice as many records as before."""
        old, n = self._world, len(self._world.req)
        self._world = old._replace(
            req=np.concatenate((old.req, np.zeros(n, layout.REQUEST))),
            ended=np.concatenate((old.ended, np.zeros(n, np.int64))),
            arena=np.concatenate((old.arena, np.zeros(n * self._width, np.int64))),
            chain=np.concatenate((old.chain, np.zeros(n * self._width, np.int64))),
        )
        self._free = list(range(2 * n - 1, n - 1, -1))
        self._attach()

    def _attach(self) -> None:
        self._handle: Any = handle.Handle(world.KIND, self._world._asdict())
        self._sampled = np.zeros(len(self._world.req), np.int64)
        self._scratch = np.zeros(len(self._world.req), np.int64)


def warm_up(group: fleets.Group) -> None:
    """Compile every kernel that a replica of the group needs, before anybody waits for one."""
    engine = Replica(group)
    for _ in range(2):
        engine.abort(0.0, engine.submit(0.0, Order(prompt_tokens=1, output_tokens=1)))
    for _ in engine.advance(0.0):
        pass


def _blank(q: int, width: int) -> npt.NDArray[np.void]:
    req = np.zeros((), layout.REQUEST)
    for name in ("first_sched", "first_exec", "first_token", "last_token", "finish"):
        req[name] = math.nan
    req["status"] = layout.UNFINISHED
    req["streaming"] = 1
    req["blocks"] = req["chain"] = q * width
    return req


def _empty_world(group: fleets.Group, *, caching: bool, width: int) -> world.World:
    rep = np.zeros(1, layout.REPLICA)
    rep["head"] = rep["tail"] = rep["looked_q"] = layout.NOWHERE
    rep["ready_t"] = math.inf
    rep["state"] = layout.SERVING
    build.fill_replicas(rep, group, caching=caching, priority=False)
    blocks = group.engine.num_blocks if caching else 1
    slots = build.table_slots(blocks) if caching else 1
    rep["table_mask"] = slots - 1
    widest = int(rep["max_active"][0])
    tally = np.zeros(world.TALLIES, np.int64)
    tally[world.CHUNK] = group.engine.block_size
    return world.World(
        req=np.zeros(FIRST_RECORDS, layout.REQUEST),
        rep=rep,
        account=np.zeros((1, 1), layout.ACCOUNT),
        running=np.zeros((1, widest), np.int64),
        steps=np.zeros((1, 2, widest), np.int64),
        phases=np.zeros((1, group.engine.block_size), np.int64),
        block=np.zeros((1, blocks), layout.BLOCK),
        table=np.zeros((1, slots), np.int32),
        arena=np.zeros(max(FIRST_RECORDS * width, 1), np.int64),
        chain=np.zeros(max(FIRST_RECORDS * width, 1), np.int64),
        itl=np.zeros(len(layout.ITL_EDGES_S) - 1),
        ended=np.zeros(FIRST_RECORDS, np.int64),
        log=np.zeros((0, len(layout.STEP_COLUMNS))),
        preempted=np.zeros((0, 2), np.int64),
        tally=tally,
    )

"""The whole fleet in plain Python: a second witness of routing, holding, time-outs, scraping and scaling.

Slow on purpose. It looks for the next event among all of them every time, recounts every view from the requests, and
runs policies through the interpreter. docs/decisions/twin.md gives the order of events at one instant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import witness_replica
import witness_views
from witness_scaling import Scaling

from glia_sim import faults
from glia_sim.engine import build
from glia_sim.policy import choose, interpret

OUTPUT, READY, SCRAPE, ARRIVAL, HOLD, CLIENT, AUTOSCALE, REFRESH, SCHEDULE = range(9)
TELEMETRY_S, PATIENCE_S = 15.0, 3600.0
PRIORITY_LIMIT = 2**31 - 1


@dataclass(slots=True, kw_only=True, eq=False)
class Replica:
    """A replica's place in the fleet and its steps in flight, oldest first."""

    slot: int
    group: object
    scheduler: witness_replica.Scheduler
    state: str
    born: float
    ready_at: float = math.inf
    gpu_s: float = 0.0
    steps: list = field(default_factory=list)
    due: float = math.inf  # when the next step is built
    last_end: float = 0.0
    step_ms: float = 0.0
    itl_sum: float = 0.0
    itl_count: int = 0
    aborted: list = field(default_factory=list)
    iterations: int = 0
    busy_s: float = 0.0
    block_s: float = 0.0
    last_token: dict = field(default_factory=dict)

    @property
    def engine(self):
        return self.group.engine

    @property
    def idle(self):
        return not self.steps and self.due == math.inf


class Fleet(Scaling):
    """One simulation. After `run`, requests carry their records and the other attributes the totals."""

    def __init__(self, fleet, workload, policy):
        self.fleet, self.policy = fleet, policy
        self.functions = {
            name: interpret.prepare(policy, name)
            for name in ("order", "score", "priority", "replicas")
            if policy.function(name) is not None
        }
        self.values = interpret.values(policy)
        self.requests = _requests(fleet, workload)
        self.begin = self.progress = self.requests[0].arrival
        self.pickers = range(fleet.router.pickers)
        self.scrapes = [witness_views.Scrapes(self.begin) for _ in range(fleet.router.pickers + 1)]
        every = fleet.router.scrape_interval_s
        self.next_scrape = [self.begin + every * p / len(self.pickers) for p in self.pickers]
        self.next_telemetry, self.telemetry = self.begin, witness_views.output_statistics([])
        self.next_refresh = 0.0
        self.arrived, self.completed, self.ended = [], [], 0
        self.poked, self.policy_faults = set(), 0
        self.start_scaling(self._replicas(workload))

    def _replicas(self, workload):
        by_priority = "priority" in self.functions
        replicas = []
        for index, group in enumerate(self.fleet.groups):
            scaler = self.fleet.autoscaler
            size = serving = group.count
            if scaler is not None and scaler.group == index:
                serving = group.count if scaler.initial is None else scaler.initial
                size = max(scaler.max_replicas, serving)
            caching = group.engine.prefix_caching
            for k in range(size):
                scheduler = witness_replica.Scheduler(
                    group.engine,
                    caching=workload.has_prefixes if caching is None else caching,
                    by_priority=by_priority or group.engine.scheduling_policy == "priority",
                )
                state = "serving" if k < serving else "absent"
                replicas.append(
                    Replica(slot=len(replicas), group=group, scheduler=scheduler, state=state, born=self.begin)
                )
        return replicas

    # The event loop.

    def run(self):
        while self.ended < len(self.requests):
            t, kind, which = min(self._events())
            idle = all(one.idle for one in self.replicas)
            arrived_all = len(self.arrived) == len(self.requests)
            if t == math.inf or (arrived_all and idle and t > self.progress + PATIENCE_S):
                self.progress += PATIENCE_S
                break
            self._handle(t, kind, which)
        return self

    def _events(self):
        for one in self.replicas:
            if one.steps:
                yield one.steps[0].end, OUTPUT, one.slot
            yield one.due, SCHEDULE, one.slot
            if one.state == "starting":
                yield one.ready_at, READY, 0
        if self.fleet.router.views == "scraped":
            for p in self.pickers:
                yield self.next_scrape[p], SCRAPE, 0
        if len(self.arrived) < len(self.requests):
            yield self.requests[len(self.arrived)].arrival, ARRIVAL, 0
        yield from self._patience()
        yield self.next_autoscale, AUTOSCALE, 0
        if any(self.held(p) for p in self.pickers) and all(one.idle for one in self.replicas):
            yield self.next_refresh, REFRESH, 0
        yield math.inf, SCHEDULE, -1

    def _patience(self):
        ttl, timeout = self.fleet.router.hold_ttl_s, self.fleet.clients.timeout_s
        for request in self.arrived:
            if ttl is not None and request.status == "held":
                yield request.arrival + ttl, HOLD, request.number
            if timeout is not None and request.status in ("held", "dispatched"):
                yield request.arrival + timeout, CLIENT, request.number

    def _handle(self, t, kind, which):
        happen = {
            OUTPUT: lambda: self._output(self.replicas[which], t),
            READY: lambda: self.get_ready(t),
            SCRAPE: lambda: self._scrape(t),
            ARRIVAL: lambda: self._arrive(self.requests[len(self.arrived)], t),
            HOLD: lambda: self._end(self.requests[which], t, "hold timeout"),
            CLIENT: lambda: self._give_up(self.requests[which], t),
            AUTOSCALE: lambda: self.autoscale(t),
            REFRESH: lambda: self.poked.update(self.pickers),
            SCHEDULE: lambda: self._schedule(self.replicas[which], t),
        }
        happen[kind]()
        for p in self.pickers:
            if p in self.poked:
                self._pass(p, t)

    # Replicas.

    def _schedule(self, one, t):
        one.due = math.inf
        for request in one.aborted:
            one.scheduler.drop(request)
        one.aborted = []
        depth = 2 if one.engine.async_scheduling else 1
        while len(one.steps) < depth and one.scheduler.running + one.scheduler.waiting:
            step = one.scheduler.schedule()
            start = max(t, one.last_end)
            duration = seconds(one.group.step, step)
            step.end = one.last_end = start + duration
            one.step_ms = 1000.0 * duration
            one.iterations += 1
            one.busy_s += duration
            one.block_s += duration * (one.scheduler.blocks.usable - len(one.scheduler.blocks.free))
            for request, *_ in step.work:
                if math.isnan(request.first_exec):
                    request.first_exec = start
            one.steps.append(step)
        if one.idle:
            self.leave(one, t)

    def _output(self, one, t):
        got, done = one.scheduler.deliver(one.steps.pop(0), t)
        one.due = t
        for request in got:
            if request.delivered > 1:
                one.itl_sum += t - one.last_token[request.number]
                one.itl_count += 1
            one.last_token[request.number] = t
        for request in done:
            self._end(request, t, "finished")

    def _end(self, request, t, status):
        request.status, request.finish = status, t
        self.ended += 1
        self.progress = t
        self.poked.add(request.picker)
        if status == "finished":
            self.completed.append(request.output)

    def _give_up(self, request, t):
        """A waiting request goes at once, a running one before its replica builds the next step."""
        if request.status == "dispatched":
            one = self.replicas[request.replica]
            if request in one.scheduler.waiting:
                one.scheduler.drop(request)
            else:
                one.aborted.append(request)
        self._end(request, t, "client timeout")

    # Routers.

    def held(self, p):
        return [one for one in self.arrived if one.status == "held" and one.picker == p]

    def books(self, p, one):
        """Requests in flight at a replica that picker p dispatched, or all pickers where p is None."""
        return [
            request
            for request in self.arrived
            if request.status == "dispatched" and request.replica == one.slot and p in (None, request.picker)
        ]

    def _arrive(self, request, t):
        request.status = "held"
        request.sequence = sum(1 for one in self.arrived if one.picker == request.picker)
        self.arrived.append(request)
        self.progress = t
        self.poked.add(request.picker)

    def _scrape(self, t):
        for p in self.pickers:
            if self.next_scrape[p] <= t:
                self.next_scrape[p] += self.fleet.router.scrape_interval_s
                for one in self.rows():
                    self.scrapes[p].read(one, t)
                self.poked.add(p)
        if t >= self.next_telemetry:
            self.telemetry = witness_views.output_statistics(self.completed)
            self.next_telemetry += TELEMETRY_S

    def replica_views(self, p, t):
        """Rows of all replicas as picker p sees them; None = the autoscaler."""
        views = []
        for index, one in enumerate(self.rows()):
            if self.fleet.router.views == "scraped":
                gauges = self.scrapes[-1 if p is None else p].gauges(one, t)
            else:
                gauges = witness_views.live_gauges(one) | {"step_ms": one.step_ms, "age_s": 0.0}
            views.append(witness_views.replica_view(one, index, self.books(p, one), gauges))
        return views

    def fleet_view(self, p, t):
        own = [one for one in self.arrived if p in (None, one.picker)]
        outputs = self.telemetry
        if self.fleet.router.views == "perfect":
            outputs = witness_views.output_statistics(self.completed)
        states = [one.state for one in self.rows()]
        return (
            {name: float(states.count(name)) for name in ("serving", "starting", "draining")}
            | {"wanted": float(self.wanted), "since_scale_s": t - self.last_scale}
            | {"held": float(sum(1 for one in own if one.status == "held"))}
            | {"in_flight": float(sum(1 for one in own if one.status == "dispatched"))}
            | witness_views.arrival_rates(own, t, self.begin)
            | outputs
        )

    def call(self, name, owners, replicas):
        """A function's answer, or None where the program faults."""
        try:
            return self.functions[name](owners | {"p": self.values}, replicas)
        except faults.PolicyFault:
            self.policy_faults += 1
            return None

    def _pass(self, p, t):
        self.poked.discard(p)
        self.next_refresh = t + self.fleet.router.scrape_interval_s
        serving = [one for one in self.rows() if one.state == "serving"]
        queue = self._queue(p, t) if serving else []
        for request in queue:
            views, fleet = self.replica_views(p, t), self.fleet_view(p, t)
            seen = witness_views.request_view(request, t)
            row = self._choose(p, request, seen, views[: len(serving)], views, fleet)
            if row is choose.Hold.STOP:
                return
            if row is choose.Hold.NEXT:
                continue
            if "priority" in self.functions:
                answer = self.call("priority", {"request": seen, "fleet": fleet}, views)
                answer = 0 if answer is None else math.floor(answer)
                request.priority = max(-PRIORITY_LIMIT, min(answer, PRIORITY_LIMIT))
            self._dispatch(p, request, serving[row], t)

    def _queue(self, p, t):
        held = self.held(p)
        if "order" not in self.functions:
            return held
        views, fleet = self.replica_views(p, t), self.fleet_view(p, t)
        keys = {}
        for request in held:
            owners = {"request": witness_views.request_view(request, t), "fleet": fleet}
            key = self.call("order", owners, views)
            keys[request.number] = (request.sequence if key is None else key, request.number)
        return sorted(held, key=lambda one: keys[one.number])

    def _choose(self, p, request, seen, serving, views, fleet):
        fewest = choose.choose([-view["in_flight"] for view in serving], request.sequence)
        if "score" not in self.functions:
            return fewest
        scores = []
        for view, one in zip(serving, self.rows(), strict=False):
            view["prefix_hit_tokens"] = self.scrapes[p].hit_tokens(one, request)
        try:
            for view in serving:
                owners = {"request": seen, "replica": view, "fleet": fleet, "p": self.values}
                scores.append(self.functions["score"](owners, views))
        except faults.PolicyFault:
            self.policy_faults += 1
            return fewest
        return choose.choose(scores, request.sequence)

    def _dispatch(self, p, request, one, t):
        request.status, request.replica, request.reached = "dispatched", one.slot, t
        self.progress = t
        self.scrapes[p].note_prefix(one, request)
        one.scheduler.add(request)
        if one.idle:
            one.due = t


def seconds(step_time, step):
    """Duration of a step by docs/fleet.md."""
    if not step.work:
        return step_time.idle_ms * 1e-3
    tokens = sum(count for _, count, _, _, _ in step.work)
    decodes = [before + count for _, count, before, _, decodes in step.work if decodes]
    chunks = [count * (before + count / 2) for _, count, before, _, decodes in step.work if not decodes]
    return (
        step_time.base_ms * 1e-3
        + step_time.token_ms * 1e-3 * max(tokens - step_time.floor_tokens, 0.0)
        + step_time.kv_ms * 1e-3 * sum(decodes)
        + step_time.attention_ms * 1e-3 * sum(chunks)
        + step_time.batch_ms * 1e-3 * len(decodes)
    )


def _requests(fleet, workload):
    """Arrivals are dealt to the pickers in turn."""
    streaming = build.uniform(workload.requests, salt=3) < fleet.clients.streaming_share
    chains = workload.chain_offsets
    return [
        witness_replica.Request(
            number=i,
            arrival=float(workload.arrival_s[i]),
            prompt=int(workload.prompt_tokens[i]),
            output=int(workload.output_tokens[i]),
            priority=int(workload.priority[i]),
            chain=tuple(workload.chain_ids[chains[i] : chains[i + 1]].tolist()),
            chunk_tokens=workload.chunk_tokens,
            shared=int(workload.shared_tokens[i]),
            streaming=bool(streaming[i]),
            picker=i % fleet.router.pickers,
        )
        for i in range(workload.requests)
    ]

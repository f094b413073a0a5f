"""From a `GliaOptimization` to a study's brief: what is asked, and the fleet and trace it is asked about."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glia_operator.api import offline as offlines
from glia_operator.api import question, words
from glia_operator.research import brief as briefs
from glia_sim import faults, fleet_file, goal
from glia_sim import fleet as fleets
from glia_sim.workload import readers, synthetic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from glia_sim.policy import document
    from glia_sim.workload import trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What better means, what may change, and how much may be spent; `briefs.Brief` has the fields' meanings."""

    objective: goal.Objective
    constraints: tuple[goal.Constraint, ...] = ()
    tunes: frozenset[str] = briefs.PROGRAMS
    experiments: int = 20
    seconds: float | None = None
    root: int = 0
    min_improvement: float = words.share(question.Rollout().min_improvement)
    strategy: str = "glia"
    brain: str = "playbook"
    hints: str = ""


def asked(wish: question.Question) -> Asked:
    """What the spec of a GliaOptimization asks."""
    duration = wish.research.budget.duration
    return Asked(
        objective=goal.objective(wish.objective.name),
        constraints=tuple(goal.constraint(one.text) for one in wish.constraints),
        tunes=wish.tune.programs,
        experiments=wish.research.budget.experiments,
        seconds=None if duration is None else words.seconds(duration),
        root=wish.research.seed,
        min_improvement=words.share(wish.rollout.min_improvement),
        strategy=wish.research.strategy,
        brain=wish.research.brain.name,
        hints=wish.research.hints,
    )


def brief(what: Asked, *, machines: fleets.Fleet, workload: trace.Workload, baseline: document.Policy) -> briefs.Brief:
    """The brief that asks this of a fleet, a trace and the policy in use."""
    return briefs.Brief(
        fleet=machines,
        workload=workload,
        baseline=baseline,
        objective=what.objective,
        constraints=what.constraints,
        tunes=what.tunes,
        experiments=what.experiments,
        seconds=what.seconds,
        root=what.root,
        min_improvement=what.min_improvement,
        strategy=what.strategy,
        brain=what.brain,
        hints=what.hints,
    )


def scene(offline: offlines.Offline, texts: Mapping[str, str] | None = None) -> tuple[fleets.Fleet, trace.Workload]:
    """The fleet and trace that an object in a cluster names; nothing is read from disk but what is built in.

    Args:
        offline: names of built-in fleets and synthetic traces, or a ConfigMap's keys.
        texts: the ConfigMap's `data`, where `offline` names one.

    Returns:
        The fleet, and a workload that every replica of it can serve.

    Raises:
        InputFault: naming the field, or the ConfigMap's key, what was received and what would be right.
    """
    held = _Held(offline=offline, texts=texts or {})
    if offline.fleet is None:
        machines = fleet_file.loads(held.text("fleet_key"), place=held.place("fleet_key"))
    elif offline.fleet in fleet_file.names():
        machines = fleet_file.load(offline.fleet)
    else:
        raise faults.InputFault(
            f"spec.offline.fleet: {offline.fleet!r} is not built in; built-in fleets: {', '.join(fleet_file.names())}; "
            "a fleet of your own goes into a ConfigMap"
        )
    if machines.replicas > question.MAX_REPLICAS:
        raise faults.InputFault(
            f"fleet {machines.name}: {machines.replicas:,} replicas; in a cluster a study has at most "
            f"{question.MAX_REPLICAS:,}"
        )
    workload = _workload(offline, held)
    fleets.check(machines, workload)
    return machines, workload


def within(machines: fleets.Fleet, wish: question.Question) -> fleets.Fleet:
    """The fleet with the bounds of `tune.autoscaler`.

    Raises:
        InputFault: the fleet has no autoscaler to bound, or the bounds leave no room.
    """
    tuned = wish.tune.autoscaler
    if tuned is None or (tuned.min_replicas is None and tuned.max_replicas is None):
        return machines
    scaler = machines.autoscaler
    if scaler is None:
        raise faults.InputFault(f"spec.tune.autoscaler: fleet {machines.name} has no autoscaler; leave the bounds out")
    low = scaler.min_replicas if tuned.min_replicas is None else tuned.min_replicas
    high = scaler.max_replicas if tuned.max_replicas is None else tuned.max_replicas
    if low > high:
        raise faults.InputFault(
            f"spec.tune.autoscaler: with the bounds of fleet {machines.name} ({scaler.min_replicas} to "
            f"{scaler.max_replicas} replicas) this is {low} to {high}; give both bounds"
        )
    initial = machines.groups[scaler.group].count if scaler.initial is None else scaler.initial
    bounded = replace(scaler, min_replicas=low, max_replicas=high, initial=min(max(initial, low), high))
    return replace(machines, autoscaler=bounded)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What the ConfigMap of an offline section holds."""

    offline: offlines.Offline
    texts: Mapping[str, str]

    def key(self, which: str) -> str:
        ref = self.offline.config_map_ref
        if ref is None:
            raise faults.InputFault("spec.offline: give both fleet and trace, or a configMapRef")
        return ref.fleet_key if which == "fleet_key" else ref.trace_key

    def place(self, which: str) -> str:
        ref = self.offline.config_map_ref
        return f"ConfigMap {ref.name if ref else ''}, key {self.key(which)}"

    def text(self, which: str) -> str:
        key = self.key(which)
        if key not in self.texts:
            found = ", ".join(sorted(self.texts)) or "no keys"
            raise faults.InputFault(f"{self.place(which)}: there is no such key; the ConfigMap has {found:.200}")
        return self.texts[key]


def _workload(offline: offlines.Offline, held: _Held) -> trace.Workload:
    if offline.trace is None:
        read = _cut(functools.partial(readers.parse, held.text("trace_key"), held.place("trace_key")), offline)
    else:
        asked_for = synthetic.recipe(offline.trace).requests
        if asked_for > offlines.MAX_REQUESTS:
            raise faults.InputFault(
                f"spec.offline.trace: {asked_for:,} requests; a study in a cluster has at most "
                f"{offlines.MAX_REQUESTS:,}"
            )
        read = _cut(functools.partial(readers.read, offline.trace), offline)
    if read.requests > offlines.MAX_REQUESTS:
        raise faults.InputFault(
            f"{read.name}: {read.requests:,} requests; in a cluster a study has at most {offlines.MAX_REQUESTS:,}; "
            "give spec.offline.limit"
        )
    return read


def _cut(read: Callable[..., trace.Workload], offline: offlines.Offline) -> trace.Workload:
    return read(time_scale=offline.time_scale, start=offline.start, limit=offline.limit)

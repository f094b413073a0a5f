"""Where experiments are made: the state of a running study, and one experiment from hypothesis to finding."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glia_operator.research import marking, tuning
from glia_operator.research.outcome import Experiment
from glia_sim import effect, exam, score
from glia_sim.policy import compile as programs
from glia_sim.policy import document, interpret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from glia_operator.research import brief as briefs
    from glia_operator.research import effort as efforts
    from glia_operator.research import notebook as notebooks

JUDGING_SEEDS, JUDGING_ELSEWHERE = 30, 10
"""Arrivals that all experiments are judged on: for the fleet as it is, and under each other condition."""
KEPT_BY = 0.004
"""An idea is kept where it lowers the cost by more than this: less is noise."""
POPULATION, LEAST_GENERATIONS, GENERATIONS_EACH, SEEDS, STOPS = 8, 8, 2, 3, 3
"""Of a sweep; it has so many generations for each parameter that it tunes, for more of them take longer to find."""
WIDE_POPULATION, WIDE_GENERATIONS, WIDE_STOPS, WIDE_SPREAD = 16, 20, 4, 0.15
"""Of a larger sweep."""
CAREFUL_SPREAD = 0.06
BESIDE = (0.015, 0.03, 0.06)
"""First step of a careful sweep (`effort.Effort`), and how much more or less gain its best end is judged with as well.
"""
CAREFUL_ELSEWHERE, ANYWAY = 8, 2
"""Arrivals of careful judging under each condition in which the baseline keeps the constraints, and under others."""
HOPELESS = 0.3
"""A sweep ends early where all of a generation cost so much more than the best design so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a study stands: experiments begun of at most `total`, and what it is doing."""

    done: int
    total: int
    doing: str
    simulations: int


@dataclass(slots=True, kw_only=True)
class Study:
    """What a running study holds: the record of experiments, and the cost of the best.

    Attributes:
        brief: the question, whole.
        marker: marks candidates on the part of the trace that search can afford.
        where: the conditions that candidates are marked in.
        training: seeds of search.
        effort: what search can afford.
        cost: of the best experiment that was kept; 0 = the baseline's.
    """

    brief: briefs.Brief
    notebook: notebooks.Notebook
    marker: marking.Marker
    progress: Callable[[Progress], None]
    where: tuple[marking.Condition, ...]
    training: tuple[int, ...]
    effort: efforts.Effort
    cost: float = 0.0
    experiments: list[Experiment] = field(default_factory=list)

    def tell(self, doing: str) -> None:
        """Say what the study does now."""
        self.progress(
            Progress(
                done=len(self.experiments),
                total=self.brief.experiments,
                doing=doing,
                simulations=self.marker.simulations,
            )
        )

    def once(self, kind: str, key: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `measure` answers, from the notebook where it stands there already; simulations count either way."""
        found = self.notebook.recall(kind, key)
        if found is None:
            before = self.marker.simulations
            body = measure()
            body["simulations"] = self.marker.simulations - before
            self.notebook.append(kind, key, body)
            found = self.notebook.recall(kind, key)
        else:
            self.marker.simulations += found["simulations"]
        answer: dict[str, Any] = found
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an experiment asks: a hypothesis about a policy, and how large its sweep may be.

    `predicted`, `parts` and `wide` are as in `team.Turn`; a patient sweep goes on where all it meets costs much more
    than the best so far.
    """

    title: str
    hypothesis: str
    addresses: str
    policy: document.Policy
    predicted: float | None = None
    parts: str = ""
    seeds: int = SEEDS
    wide: bool = False
    patient: bool = False


def experiment(study: Study, plan: Plan) -> Experiment:
    """Run one experiment, or read its result in the notebook."""
    body = begun(study, plan, plan.policy.digest, lambda: _measure(study, plan))
    tuned = replace(plan, policy=document.with_values(plan.policy, body["values"]))
    return concluded(study, tuned, plan.policy.digest, body)


def begun(study: Study, plan: Plan, identity: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Write an experiment's hypothesis down and measure, or read in the notebook what was measured."""
    study.tell(plan.title)
    study.notebook.append("hypothesis", _key(study, plan, identity), _hypothesis(plan))
    return study.once("experiment", _key(study, plan, identity), measure)


def concluded(study: Study, plan: Plan, identity: str, body: dict[str, Any]) -> Experiment:
    """The experiment about the plan's policy, with its finding; the study goes on from it."""
    kept = plan.addresses != "control" and body["cost"] < study.cost - KEPT_BY
    done = Experiment(
        number=len(study.experiments) + 1,
        title=plan.title,
        hypothesis=plan.hypothesis,
        addresses=plan.addresses,
        policy=plan.policy,
        simulations=body["simulations"],
        effect=effect.Effect(**body["effect"]),
        p99_ratio=body["p99_ratio"],
        constraints=tuple(body["constraints"]),
        cost=body["cost"],
        finding=_finding(study, body, kept=kept, control=plan.addresses == "control"),
        kept=kept,
        predicted=plan.predicted,
        parts=plan.parts,
        slope=body.get("slope", {}),
    )
    study.notebook.append("finding", _key(study, plan, identity), {"finding": done.finding, "kept": kept})
    study.experiments.append(done)
    if kept:
        study.cost = done.cost
    return done


def _key(study: Study, plan: Plan, identity: str) -> str:
    return f"{len(study.experiments) + 1} {plan.title} {identity}"


def _hypothesis(plan: Plan) -> dict[str, Any]:
    return {"hypothesis": plan.hypothesis, "predicted": plan.predicted, "policy": document.dumps(plan.policy)}


def _measure(study: Study, plan: Plan) -> dict[str, Any]:
    """Tune a policy, then mark where it began and where it ended on seeds that all experiments share."""
    fixed = study.brief.fixed(plan.policy)
    sweep = _sweep(study, plan, len(plan.policy.parameters.keys() - fixed))
    places = _places(study, plan.policy)
    # Each experiment begins with other arrivals, so that the same composition tuned again is another attempt.
    first = JUDGING_SEEDS + len(study.experiments) * sweep.seeds % (len(study.training) - JUDGING_SEEDS)
    hopeless = math.inf if plan.patient or plan.addresses == "control" else study.cost + HOPELESS
    reached = tuning.tune(
        _start(study, places),
        study.marker,
        study.where,
        (*study.training[first:], *study.training[JUDGING_SEEDS:first]),
        sweep,
        hopeless=hopeless,
        fixed=fixed,
    )
    began = [interpret.values(place) for place in places]
    best = _best(study, plan.policy, [*began, *reached.stops])
    if not study.effort.careful:
        return best
    tuned = document.with_values(plan.policy, best["values"])
    return {**_levelled(study, tuned, reached.slope, best), "slope": reached.slope}


def _best(
    study: Study, policy: document.Policy, ends: Sequence[dict[str, float]], arrivals: tuple[int, ...] = ()
) -> dict[str, Any]:
    """The parameter values that cost least as judged, and what was found there."""
    marked = judged(study, [programs.compile(document.with_values(policy, end)) for end in ends], arrivals)
    better = min(range(len(ends)), key=lambda k: marked[k]["cost"])
    return {"values": ends[better], **marked[better]}


def _levelled(
    study: Study, policy: document.Policy, slope: Mapping[str, float], best: dict[str, Any]
) -> dict[str, Any]:
    """What was found at a policy's values, or beside them with more gain, or else with less, as far as that pays."""
    more = further(study, policy, slope, best, way=1.0)
    return more if more is not best else further(study, policy, slope, best, way=-1.0)


def further(
    study: Study,
    policy: document.Policy,
    slope: Mapping[str, float],
    found: dict[str, Any],
    *,
    way: float,
    arrivals: tuple[int, ...] = (),
) -> dict[str, Any]:
    """What is found beside a policy's values with more gain (`way` 1) or with less (-1), each step while it pays.

    Args:
        study: at work.
        policy: at the values to begin with.
        slope: as in `tuning.Reached`.
        found: what was found there, with those values.
        way: 1 or -1.
        arrivals: as in `judged`.
    """
    for step in BESIDE if slope else ():
        beside = _best(study, policy, [tuning.beside(policy, slope, way * step)], arrivals)
        if beside["cost"] >= found["cost"]:
            break
        found = beside
    return found


def _sweep(study: Study, plan: Plan, tuned: int) -> tuning.Sweep:
    """How much is spent on tuning so many parameters."""
    # A careful sweep is levelled at its end: a larger one finds what that finds, at many times the price.
    wide = plan.wide and not study.effort.careful
    asked = WIDE_GENERATIONS if wide else max(LEAST_GENERATIONS, GENERATIONS_EACH * tuned)
    first_step = WIDE_SPREAD if wide else tuning.SPREAD
    return tuning.Sweep(
        population=WIDE_POPULATION if wide else POPULATION,
        generations=max(2, round(asked * study.effort.generations)),
        seeds=study.effort.of(plan.seeds),
        stops=WIDE_STOPS if wide else STOPS,
        edge=wide and _near_the_edge(study),
        spread=CAREFUL_SPREAD if study.effort.careful else first_step,
    )


def _near_the_edge(study: Study) -> bool:
    """Whether the best so far has a tail that the exam may refuse: a larger sweep then has to bring it back."""
    kept = [one for one in study.experiments if one.kept]
    return bool(kept) and study.brief.rules.guard_tail and kept[-1].p99_ratio > marking.TAIL_EDGE


def judged(
    study: Study, candidates: Sequence[programs.Program], arrivals: tuple[int, ...] = ()
) -> list[dict[str, Any]]:
    """Cost, effect, p99 ratio and constraints' metrics of each candidate.

    On the first of these arrivals, by default on the training seeds that all experiments share.
    """
    arrivals = arrivals or study.training
    here, *harder = study.marker.marks(
        candidates, (study.where[:1], arrivals[: study.effort.of(JUDGING_SEEDS)]), *_elsewhere(study, arrivals)
    )
    costs = marking.costs(study.brief, [*here, *itertools.chain(*harder)])
    old, metric = here[0, :, 0], study.brief.objective.metric
    return [
        {
            "cost": cost,
            "effect": score.as_json(effect.paired(old[:, 0], new[:, 0], metric, seed=exam.INTERVAL_SEED)),
            "p99_ratio": float(np.exp(np.log(new[:, 1] / old[:, 1]).mean())),
            "constraints": new[:, 4:].mean(axis=0).tolist(),
        }
        for cost, new in zip(costs, (here[0, :, 1 + k] for k in range(len(candidates))), strict=True)
    ]


def _elsewhere(study: Study, arrivals: tuple[int, ...]) -> list[tuple[Sequence[marking.Condition], Sequence[int]]]:
    """Harder conditions and the arrivals that are judged in them.

    A constraint that the baseline breaks in a condition counts for nothing there, so a careful judge spends little on
    it.
    """
    harder = study.where[1:]
    if not study.effort.careful:
        return [(harder, arrivals[: study.effort.of(JUDGING_ELSEWHERE)])]
    arrivals = arrivals[:CAREFUL_ELSEWHERE]
    (known,) = study.marker.marks([], (harder, arrivals))
    binding = [place for place, old in zip(harder, known, strict=True) if marking.keeps(study.brief, old[:, 0])]
    rest = [place for place in harder if place not in binding]
    return [(binding, arrivals), (rest, arrivals[:ANYWAY])]


def _start(study: Study, places: Sequence[document.Policy]) -> document.Policy:
    """Where the sweep begins: at the values tuned for the ideas before, or at the parts' own where those are better."""
    if len(places) == 1:
        return places[0]
    candidates = [programs.compile(place) for place in places]
    arrivals = study.training[: study.effort.of(JUDGING_ELSEWHERE)]
    costs = study.marker.costs(candidates, study.where, arrivals, elsewhere=2)
    return places[int(costs[1] < costs[0])]


def _places(study: Study, policy: document.Policy) -> list[document.Policy]:
    """The policy at the values tuned for the ideas before, and at the parts' own where those are others."""
    fixed = study.brief.fixed(policy)
    own = {
        name: tuning.knob_of(name, parameter).value
        for name, parameter in policy.parameters.items()
        if name not in fixed
    }
    places = [policy, document.with_values(policy, own)]
    return places[:1] if places[0] == places[1] else places


def _finding(study: Study, body: dict[str, Any], *, kept: bool, control: bool) -> str:
    found = body["effect"]
    gain = study.brief.objective.improvement(found["estimate"])
    what = (
        f"{study.brief.objective.name} {found['baseline']:.4g} -> {found['candidate']:.4g} ({gain:+z.1%}), "
        f"p99 x{body['p99_ratio']:.3f}, cost {body['cost']:+.3f} against {study.cost:+.3f}"
    )
    if control:
        return f"{what}: {'better than' if body['cost'] < study.cost else 'no better than'} the composition so far."
    return f"{what}: {'kept' if kept else 'not kept'}."

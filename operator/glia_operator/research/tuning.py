"""Tuning a design's parameters with CMA-ES on paired training seeds."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from glia_operator.research import design as designs
from glia_operator.research import knob_table, marking
from glia_sim.policy import compile as programs
from glia_sim.policy import interpret

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # cma remarks that it cannot plot
    import cma

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from glia_sim.policy import document

SEED = 1
WARM_UP = 4
FAR = 50.0
"""Bounds that are so many times apart are searched on a logarithmic scale."""
SPREAD = 0.12
"""First step of a sweep from a part's own values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """How much is spent.

    Attributes:
        population: candidates per generation.
        generations: each meets arrivals of its own, so that no setting is fitted to a few.
        seeds: per generation, for the fleet as it is.
        elsewhere: how many of them serve under two other conditions: the next in turn, and the hardest so far.
        spread: first step of the search, as a share of a parameter's range.
        stops: how many places the sweep answers with.
        edge: whether no gain is worth a tail near what the exam refuses (`marking.EDGE_PENALTY`).
    """

    population: int
    generations: int
    seeds: int
    elsewhere: int = 1
    spread: float = SPREAD
    stops: int = 1
    edge: bool = False

    @property
    def halts(self) -> frozenset[int]:
        """Generations after which the sweep says where it is."""
        share = [(self.stops + stop) / (2 * self.stops) for stop in range(1, self.stops + 1)]
        return frozenset(round(self.generations * one) for one in share)


@dataclass(slots=True)
class Slope:
    """Regression of places on gains, over candidates that met the same arrivals.

    Attributes:
        products: sum of (place - mean) x (gain - mean), of each parameter.
        squares: sum of (gain - mean)^2.
    """

    products: npt.NDArray[np.float64]
    squares: float = 0.0

    def told(self, places: npt.NDArray[np.float64], gains: npt.NDArray[np.float64]) -> None:
        """Take in a generation: places [candidate, parameter] and gains [candidate]."""
        about = gains - gains.mean()
        self.products = self.products + about @ (places - places.mean(axis=0))
        self.squares += float(about @ about)

    @property
    def along(self) -> tuple[float, ...]:
        """Change of each parameter's place as the gain grows by 1; 0 where all gained the same."""
        return tuple((self.products / (self.squares or 1.0)).tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Where a sweep came to.

    Attributes:
        stops: values of the tuned parameters at each stop.
        slope: of each of them, what candidates with a larger gain have in common, `Slope.along`.
    """

    stops: list[dict[str, float]]
    slope: dict[str, float]


def knob_of(name: str, parameter: document.Parameter) -> knob_table.Knob:
    """The scale on which a parameter is tuned: its part's if within its bounds, logarithmic if they are far apart."""
    known = knob_table.KNOBS.get(name)
    if known is not None and parameter.low <= known.low and known.high <= parameter.high:
        return known
    apart = parameter.low > 0.0 and parameter.high / parameter.low >= FAR
    return knob_table.Knob(
        value=parameter.value, low=parameter.low, high=parameter.high, unit="", meaning="", log=apart
    )


def position(knob: knob_table.Knob, value: float) -> float:
    """Where a value stands in its range, 0 to 1."""
    value = min(max(value, knob.low), knob.high)
    if knob.log:
        return math.log(value / knob.low) / math.log(knob.high / knob.low)
    return (value - knob.low) / (knob.high - knob.low)


def value_at(knob: knob_table.Knob, place: float) -> float:
    """The value at a place of its range, to three digits so that a person can read it."""
    place = min(max(place, 0.0), 1.0)
    exact = knob.low * (knob.high / knob.low) ** place if knob.log else knob.low + place * (knob.high - knob.low)
    return min(max(float(f"{exact:.3g}"), knob.low), knob.high)


def beside(policy: document.Policy, slope: Mapping[str, float], gain: float) -> dict[str, float]:
    """Parameter values beside a policy's own that should gain so much more; `slope` is as in `Reached`."""
    scales = {name: knob_of(name, policy.parameters[name]) for name in slope}
    moved = {
        name: value_at(scale, position(scale, policy.parameters[name].value) + gain * slope[name])
        for name, scale in scales.items()
    }
    return interpret.values(policy) | moved


def tune(
    policy: document.Policy,
    marker: marking.Marker,
    where: Sequence[marking.Condition],
    training: Sequence[int],
    sweep: Sweep,
    hopeless: float = math.inf,
    fixed: frozenset[str] = frozenset(),
) -> Reached:
    """Parameter values that a sweep came to, all candidates of a generation meeting the same arrivals.

    Parameters in `fixed` stay. The sweep ends after `WARM_UP` generations or later once a whole generation costs more
    than `hopeless`. A stop is the mean of the distribution at each of `sweep.stops` equal parts of the second half,
    the last at the end: noise moves it less than the best of one sample, and an earlier stop may have found less
    that only training seeds show.
    """
    program = programs.compile(policy)
    names = tuple(name for name in policy.parameters if name not in fixed)
    scales = [knob_of(name, policy.parameters[name]) for name in names]
    start = [position(scale, policy.parameters[name].value) for name, scale in zip(names, scales, strict=True)]
    if not names:
        return Reached(stops=[{}], slope={})
    slope = Slope(np.zeros(len(names)))
    search, reached, harder = _search(start, sweep), list[dict[str, float]](), Harder(conditions=len(where) - 1)
    for generation in range(sweep.generations):
        asked = search.ask()
        candidates = [program.with_values(_values(names, scales, place)) for place in asked]
        arrivals = [training[(generation * sweep.seeds + k) % len(training)] for k in range(sweep.seeds)]
        chosen = harder.chosen(generation)
        hard = [where[k] for k in chosen]
        (here,), there = marker.marks(candidates, (where[:1], arrivals), (hard, arrivals[: sweep.elsewhere]))
        costs = marking.costs(marker.brief, [here, *there], edge=sweep.edge)
        harder.told(chosen, [marking.hardship(marker.brief, here, one) for one in there])
        search.tell(asked, costs)
        slope.told(np.array(asked)[:, : len(names)], marking.gains(marker.brief, here))
        if generation >= WARM_UP and min(costs) > hopeless:
            break
        if generation + 1 in sweep.halts:
            reached.append(_values(names, scales, search.result.xfavorite))
    return Reached(
        stops=reached or [_values(names, scales, search.result.xfavorite)],
        slope=dict(zip(names, slope.along, strict=True)),
    )


@dataclass(slots=True, kw_only=True)
class Harder:
    """Which of the harder conditions a generation meets: a rule that binds has to be seen more often than the others.

    Attributes:
        conditions: how many there are, numbered from 1.
        hardship: of each, smoothed; what was not met yet comes first.
    """

    conditions: int
    hardship: dict[int, float] = field(default_factory=dict)

    def chosen(self, generation: int) -> tuple[int, ...]:
        """The next in turn, and of the others the hardest so far."""
        if not self.conditions:
            return ()
        turn = 1 + generation % self.conditions
        others = [k for k in range(1, self.conditions + 1) if k != turn]
        return (turn, *sorted(others, key=lambda k: -self.hardship.get(k, math.inf))[:1])

    def told(self, chosen: Sequence[int], hardships: Sequence[float]) -> None:
        """Take in how hard the conditions were."""
        for k, found in zip(chosen, hardships, strict=True):
            self.hardship[k] = (self.hardship.get(k, found) + found) / 2.0


def _search(start: Sequence[float], sweep: Sweep) -> cma.CMAEvolutionStrategy:
    options = {"bounds": [0, 1], "seed": SEED, "verbose": -9, "popsize": sweep.population}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cma remarks on one-dimensional searches
        inside = [min(max(place, 0.02), 0.98) for place in start]
        # A second coordinate that nothing reads keeps CMA-ES defined for a single parameter.
        return cma.CMAEvolutionStrategy(inside if len(inside) > 1 else [*inside, 0.5], sweep.spread, options)


def _values(names: Sequence[str], scales: Sequence[knob_table.Knob], places: Sequence[float]) -> dict[str, float]:
    return {name: value_at(scale, float(place)) for name, scale, place in zip(names, scales, places, strict=False)}


def merged(design: designs.Design, values: Mapping[str, float]) -> dict[str, float]:
    """Values for all knobs of a design: the known ones, and the parts' own for the rest."""
    return {name: values.get(name, knob_table.KNOBS[name].value) for name in designs.knobs(design)}

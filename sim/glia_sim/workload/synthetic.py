"""Workloads made from a seed and documented distributions (docs/traces.md); same address, same bytes."""

from __future__ import annotations

import difflib
import math
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from glia_sim import faults
from glia_sim.workload import lengths, trace

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Seconds = npt.NDArray[np.float64]

SCHEME = "synthetic:"
MAX_REQUESTS = 10_000_000
PREFIX_GROUPS = 50
DAYS = 2
SWING = 0.7
HOUR = (0.69, 0.90, 0.92, 0.88, 1.05, 1.21, 1.42, 1.30, 1.00, 1.05, 0.76, 0.75, 0.32)
"""Arrival rate every five minutes of an hour of a production conversation service, over its mean; linear between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What an address asks for: `requests` arriving at a mean of `rate` per second, from one `seed`."""

    address: str
    seed: int
    requests: int
    rate: float

    def chance(self) -> np.random.Generator:
        """A generator that this recipe's seed alone decides."""
        return np.random.Generator(np.random.PCG64DXSM(self.seed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """A generator's rate in requests per second, and its number of requests."""

    rate: float
    requests: int = 4_000


def make(address: str) -> trace.Workload:
    """The workload at `synthetic:NAME?seed=0&requests=4000&rate=7.5`; each parameter may be left out.

    Raises:
        InputFault: naming the address, what was received and what would be right.
    """
    name = address.removeprefix(SCHEME).partition("?")[0]
    generate, _ = _generator(address, name)
    return generate(recipe(address))


def recipe(address: str) -> Recipe:
    """What an address asks for, checked, nothing generated yet.

    Raises:
        InputFault: as `make`.
    """
    name, _, query = address.removeprefix(SCHEME).partition("?")
    _, defaults = _generator(address, name)
    return _recipe(address, query, defaults)


def _generator(address: str, name: str) -> tuple[Callable[[Recipe], trace.Workload], Defaults]:
    if name in GENERATORS:
        return GENERATORS[name]
    close = difflib.get_close_matches(name, GENERATORS, n=1)
    hint = f"did you mean {SCHEME}{close[0]}?" if close else f"known names: {', '.join(names())}"
    raise faults.InputFault(f"{address}: no synthetic workload {name!r}; {hint}")


def names() -> tuple[str, ...]:
    """Names of the generators."""
    return tuple(GENERATORS)


def _recipe(address: str, query: str, defaults: Defaults) -> Recipe:
    values = {"seed": 0.0, "requests": float(defaults.requests), "rate": defaults.rate}
    for name, text in urllib.parse.parse_qsl(query, keep_blank_values=True):
        if name not in values:
            raise faults.InputFault(f"{address}: {name!r} is not a parameter; parameters are {', '.join(values)}")
        try:
            values[name] = float(text)
        except ValueError:
            raise faults.InputFault(f"{address}: {name} is {text!r}, not a number") from None
    seed, requests, rate = values["seed"], values["requests"], values["rate"]
    if not (0 <= seed < 2**53 and seed == math.floor(seed)):
        raise faults.InputFault(f"{address}: seed is {seed}; it must be a whole number, 0 or more")
    if not (1 <= requests <= MAX_REQUESTS and requests == math.floor(requests)):
        raise faults.InputFault(f"{address}: requests is {requests}; it must be a whole number, 1 to {MAX_REQUESTS:,}")
    if not 1e-6 <= rate <= 1e6:  # noqa: PLR2004 - from one request in twelve days to a million per second
        raise faults.InputFault(f"{address}: rate is {rate} requests per second; it must be 0.000001 to 1,000,000")
    return Recipe(address=address, seed=int(seed), requests=int(requests), rate=rate)


def _paper(recipe: Recipe) -> trace.Workload:
    chance = recipe.chance()
    gaps = np.exp(2.0 * chance.standard_normal(recipe.requests))
    prompt = lengths.SHAREGPT_PROMPT.draw(chance, recipe.requests)
    output = lengths.SHAREGPT_OUTPUT.draw(chance, recipe.requests)
    return trace.plain(recipe.address, _arrivals(gaps, recipe), prompt, output)


def _chat_poisson(recipe: Recipe) -> trace.Workload:
    chance = recipe.chance()
    gaps = chance.standard_exponential(recipe.requests)
    prompt = lengths.CONVERSATION_PROMPT.draw(chance, recipe.requests)
    output = lengths.CONVERSATION_OUTPUT.draw(chance, recipe.requests)
    return trace.plain(recipe.address, _arrivals(gaps, recipe), prompt, output)


def _prefill_heavy(recipe: Recipe) -> trace.Workload:
    chance = recipe.chance()
    gaps = chance.standard_exponential(recipe.requests)
    prompt = lengths.DOCUMENT_PROMPT.draw(chance, recipe.requests)
    output = lengths.SHORT_ANSWER.draw(chance, recipe.requests)
    return trace.plain(recipe.address, _arrivals(gaps, recipe), prompt, output)


def _shared_prefix(recipe: Recipe) -> trace.Workload:
    """Zipf-popular groups, each with one prefix length for all its requests."""
    chance = recipe.chance()
    gaps = chance.standard_exponential(recipe.requests)
    popularity = 1.0 / np.arange(1, PREFIX_GROUPS + 1)
    group = chance.choice(PREFIX_GROUPS, recipe.requests, p=popularity / popularity.sum()).astype(np.int64)
    prefix = chance.integers(256, 2048, PREFIX_GROUPS, endpoint=True)[group]
    prompt = prefix + lengths.QUESTION.draw(chance, recipe.requests)
    output = lengths.CONVERSATION_OUTPUT.draw(chance, recipe.requests)
    arrival_s, priority = _arrivals(gaps, recipe), np.zeros(recipe.requests, np.int64)
    return trace.grouped(recipe.address, arrival_s, prompt, output, priority, group, prefix)


def _diurnal(recipe: Recipe) -> trace.Workload:
    """Poisson arrivals whose rate swings by a sine, twice over the trace, beginning at its lowest."""
    chance = recipe.chance()
    even_s = _arrivals(chance.standard_exponential(recipe.requests), recipe)
    period_s = recipe.requests / recipe.rate / DAYS
    clock_s = np.linspace(0, DAYS * period_s, 20_001)
    turn = 2 * math.pi / period_s
    passed = clock_s - SWING / turn * np.sin(turn * clock_s)
    arrival_s = np.round(np.interp(even_s, passed, clock_s), 6)
    prompt = lengths.SHAREGPT_PROMPT.draw(chance, recipe.requests)
    output = lengths.SHAREGPT_OUTPUT.draw(chance, recipe.requests)
    return trace.plain(recipe.address, arrival_s, prompt, output)


def _hour(recipe: Recipe) -> trace.Workload:
    """Poisson arrivals whose rate follows `HOUR`, stretched to the trace."""
    chance = recipe.chance()
    even_s = _arrivals(chance.standard_exponential(recipe.requests), recipe)
    clock_s = np.linspace(0, recipe.requests / recipe.rate, 20_001)
    rate = np.interp(clock_s, np.linspace(0, clock_s[-1], len(HOUR)), HOUR)
    passed = np.concatenate((np.zeros(1), np.cumsum(rate[1:] + rate[:-1])))
    arrival_s = np.round(np.interp(even_s, passed * clock_s[-1] / passed[-1], clock_s), 6)
    prompt = lengths.SHAREGPT_PROMPT.draw(chance, recipe.requests)
    output = lengths.SHAREGPT_OUTPUT.draw(chance, recipe.requests)
    return trace.plain(recipe.address, arrival_s, prompt, output)


def _arrivals(gaps: Seconds, recipe: Recipe) -> Seconds:
    """Arrivals with these relative gaps, stretched to `rate` exactly, in whole microseconds."""
    arrival = np.cumsum(gaps)
    stretched: Seconds = (arrival - gaps[0]) * (recipe.requests / recipe.rate / arrival[-1])
    return stretched.round(6)


GENERATORS: dict[str, tuple[Callable[[Recipe], trace.Workload], Defaults]] = {
    "paper": (_paper, Defaults(rate=7.5)),
    "chat-poisson": (_chat_poisson, Defaults(rate=24.0)),
    "prefill-heavy": (_prefill_heavy, Defaults(rate=5.0)),
    "shared-prefix": (_shared_prefix, Defaults(rate=20.0)),
    "diurnal": (_diurnal, Defaults(rate=7.5)),
    "variable-hour": (_hour, Defaults(rate=10.75, requests=38_700)),
}
"""Name -> generator and what an address means that leaves its parameters out."""

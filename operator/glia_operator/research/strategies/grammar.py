"""The grammar of designs: what may stand in each place for a brief, and how a design with its values is varied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from glia_operator.research import design as designs
from glia_operator.research import desk, parts, tuning

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from glia_operator.research import brief as briefs

PLACES = {
    "order": ("router", parts.ORDERS),
    "room": ("router", parts.ROOM),
    "charge": ("router", parts.CHARGES),
    "held": ("router", parts.HELD),
    "balance": ("router", parts.BALANCES),
    "scheduler": ("scheduler", parts.SCHEDULERS),
    "autoscaler": ("autoscaler", parts.AUTOSCALERS),
}
"""Places of a design that hold one part: the program, and what may stand there."""
SUMS = {"terms": ("router", parts.TERMS), "room_terms": ("router", parts.ROOM_TERMS)}
"""Places that hold any number of parts."""
OPTIONAL = frozenset({"scheduler", "autoscaler"})
"""Places that may stay empty."""
NEEDS = {"speed": "mixed", "affinity": "prefixes", "proportional": "scales"}
"""Traits without which a part has nothing to read."""
ADMITS, TERM = 0.8, 0.4
"""Chances that a random design holds requests back, and that it has a term."""
WIDE, NEAR = 0.18, 0.08
"""Spread of a random value around the part's own, and of a varied one around its parent's, as shares of the range."""
CHANGES = 2
"""At most so many places change from a parent to its variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A design with values for every knob that any design could read, so that a part that returns finds its own."""

    design: designs.Design
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What may stand in each place; places of programs that the brief leaves alone are missing."""

    one: Mapping[str, tuple[str, ...]]
    several: Mapping[str, tuple[str, ...]]
    admits: bool

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the places that leave a choice."""
        held = ("admits",) if self.admits else ()
        return (*(name for name, options in self.one.items() if len(options) > 1), *self.several, *held)


def fitting(brief: briefs.Brief) -> Grammar:
    """The grammar of designs that a brief leaves room for."""
    traits = desk.traits(brief)

    def names(program: str, table: Mapping[str, parts.Part]) -> tuple[str, ...]:
        fit = program in brief.tunes
        return tuple(name for name in table if fit and NEEDS.get(name, "") in {"", *traits})

    one = {place: names(*of) for place, of in PLACES.items()}
    several = {place: names(*of) for place, of in SUMS.items()}
    return Grammar(
        one={place: (("",) if place in OPTIONAL else ()) + found for place, found in one.items() if found},
        several={place: found for place, found in several.items() if found},
        admits="router" in brief.tunes,
    )


def drawn(grammar: Grammar, chance: np.random.Generator) -> Sketch:
    """A random design with values near the parts' own."""
    design = designs.Design(admits=grammar.admits and bool(chance.random() < ADMITS))
    for place in grammar.places:
        if place in grammar.one:
            design = _put(design, place, str(chance.choice(grammar.one[place])))
        elif place in grammar.several:
            terms = tuple(name for name in grammar.several[place] if chance.random() < TERM)
            design = _put(design, place, terms)
    own = {name: knob.value for name, knob in parts.KNOBS.items()}
    return Sketch(design=design, values=_moved(own, chance, WIDE))


def varied(sketch: Sketch, grammar: Grammar, chance: np.random.Generator) -> Sketch:
    """The sketch with one or two places changed, and every value moved a little."""
    design = sketch.design
    for _ in range(int(chance.integers(1, CHANGES + 1))):
        design = _changed(design, grammar, chance)
    return Sketch(design=design, values=_moved(sketch.values, chance, NEAR))


def crossed(first: Sketch, second: Sketch, grammar: Grammar, chance: np.random.Generator) -> Sketch:
    """Each place from either parent; values from the first, or from the second where only its design reads them."""
    design = first.design
    for place in grammar.places:
        if chance.random() < 1 / 2:
            design = _put(design, place, getattr(second.design, place))
    others = set(designs.knobs(second.design)) - set(designs.knobs(first.design))
    values = {name: second.values[name] if name in others else value for name, value in first.values.items()}
    return Sketch(design=design, values=_moved(values, chance, NEAR))


def _changed(design: designs.Design, grammar: Grammar, chance: np.random.Generator) -> designs.Design:
    place = str(chance.choice(grammar.places))
    if place == "admits":
        return replace(design, admits=not design.admits)
    if place in grammar.one:
        others = [name for name in grammar.one[place] if name != getattr(design, place)]
        return _put(design, place, str(chance.choice(others)))
    term, terms = str(chance.choice(grammar.several[place])), getattr(design, place)
    rest = tuple(one for one in terms if one != term)
    return _put(design, place, rest if term in terms else (*terms, term))


def _put(design: designs.Design, place: str, part: Any) -> designs.Design:  # noqa: ANN401 - what the place holds
    return replace(design, **{place: part})


def _moved(values: Mapping[str, float], chance: np.random.Generator, spread: float) -> dict[str, float]:
    moved = {}
    for name, value in values.items():
        knob = parts.KNOBS[name]
        moved[name] = tuning.value_at(knob, tuning.position(knob, value) + spread * float(chance.standard_normal()))
    return moved

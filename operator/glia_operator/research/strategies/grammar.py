"""The grammar of designs: what may stand in each place for a brief, and how a design with its values is varied."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from glia_operator.research import design as designs
from glia_operator.research import desk, knob_table, parts, tuning

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from glia_operator.research import brief as briefs

PLACES = {
    "order": ("router", parts.ORDERS),
    "room": ("router", parts.ROOM),
    "charge": ("router", parts.CHARGES),
    "held": ("router", parts.HELD),
    "aside": ("router", parts.ASIDE),
    "gate": ("router", parts.GATES),
    "balance": ("router", parts.BALANCES),
    "scheduler": ("scheduler", parts.SCHEDULERS),
    "autoscaler": ("autoscaler", parts.AUTOSCALERS),
}
"""Places of a design that hold one part: the program, and what may stand there."""
SUMS = {
    "room_terms": ("router", parts.ROOM_TERMS),
    "terms": ("router", parts.TERMS),
    "reserves": ("autoscaler", parts.RESERVES),
    "holds": ("autoscaler", parts.HOLDS),
}
"""Places that hold any number of parts."""
FLAGS = {"admits": "router", "gently": "autoscaler"}
"""Places that hold yes or no, and the program."""
OPTIONAL = frozenset({"aside", "gate", "scheduler", "autoscaler"})
"""Places that may stay empty."""
NEEDS = {"speed": "mixed", "affinity": "prefixes"}
"""Traits without which a part has nothing to read."""
YES, TERM = 0.7, 0.4
"""Chances that a random design says yes where that is the question, and that it has a term."""
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
    """What may stand in each place; places of programs that the brief leaves alone are missing.

    Attributes:
        plain: what every design begins with, and has in the places that are missing.
    """

    plain: designs.Design
    one: Mapping[str, tuple[str, ...]]
    several: Mapping[str, tuple[str, ...]]
    flags: tuple[str, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the places that leave a choice."""
        return (*(name for name, options in self.one.items() if len(options) > 1), *self.several, *self.flags)

    def put(self, design: designs.Design, place: str, part: str | bool | Collection[str]) -> designs.Design:  # noqa: FBT001
        """The design with this in that place; parts of a sum stand in the grammar's order."""
        if place in self.several:
            part = tuple(name for name in self.several[place] if isinstance(part, Collection) and name in part)
        held: dict[str, Any] = {place: part}
        return replace(design, **held)


def fitting(brief: briefs.Brief) -> Grammar:
    """The grammar of designs that a brief leaves room for."""
    traits = desk.traits(brief)
    tuned = brief.tunes if "scales" in traits else brief.tunes - {"autoscaler"}

    def names(table: Mapping[str, parts.Part]) -> tuple[str, ...]:
        return tuple(name for name in table if NEEDS.get(name, "") in {"", *traits})

    return Grammar(
        plain=designs.begun(traits),
        one={
            place: (("",) if place in OPTIONAL else ()) + names(table)
            for place, (program, table) in PLACES.items()
            if program in tuned
        },
        several={place: names(table) for place, (program, table) in SUMS.items() if program in tuned},
        flags=tuple(place for place, program in FLAGS.items() if program in tuned),
    )


def drawn(grammar: Grammar, chance: np.random.Generator) -> Sketch:
    """A random design with values near the parts' own."""
    design = grammar.plain
    for place in grammar.places:
        if place in grammar.one:
            design = grammar.put(design, place, str(chance.choice(grammar.one[place])))
        elif place in grammar.several:
            design = grammar.put(design, place, [one for one in grammar.several[place] if chance.random() < TERM])
        else:
            design = grammar.put(design, place, bool(chance.random() < YES))
    own = {name: knob.value for name, knob in knob_table.KNOBS.items()}
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
            design = grammar.put(design, place, getattr(second.design, place))
    others = set(designs.knobs(second.design)) - set(designs.knobs(first.design))
    values = {name: second.values[name] if name in others else value for name, value in first.values.items()}
    return Sketch(design=design, values=_moved(values, chance, NEAR))


def _changed(design: designs.Design, grammar: Grammar, chance: np.random.Generator) -> designs.Design:
    place = str(chance.choice(grammar.places))
    now = getattr(design, place)
    if place in grammar.one:
        return grammar.put(design, place, str(chance.choice([name for name in grammar.one[place] if name != now])))
    if place in grammar.several:
        return grammar.put(design, place, {*now} ^ {str(chance.choice(grammar.several[place]))})
    return grammar.put(design, place, not now)


def _moved(values: Mapping[str, float], chance: np.random.Generator, spread: float) -> dict[str, float]:
    moved = {}
    for name, value in values.items():
        knob = knob_table.KNOBS[name]
        moved[name] = tuning.value_at(knob, tuning.position(knob, value) + spread * float(chance.standard_normal()))
    return moved

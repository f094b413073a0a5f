"""One program that is every design: each part stands in it behind a switch, so that a screen of many compiles once."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from glia_operator.research import design as designs
from glia_operator.research import parts
from glia_operator.research.strategies import grammar as grammars
from glia_sim.policy import document

if TYPE_CHECKING:
    from collections.abc import Mapping

EMPTY = {
    "aside": parts.Part(text="1 > 2", why="nobody"),
    "gate": parts.Part(text="1 > 2", why="open"),
    "scheduler": parts.Part(text="0", why="first come, first served"),
    "autoscaler": parts.Part(text="need = fleet.wanted", why="no change"),
}
"""What decides as an empty place does."""
SWITCH = document.Parameter(value=0.0, low=0.0, high=1.0, unit="0 or 1", meaning="whether the part is there")


def build(grammar: grammars.Grammar) -> document.Policy:
    """The policy that decides as any design of the grammar, once its switches are set (`switched`).

    To the bit, but for designs without a batch scheduler: equal priorities come close to a queue without any.
    """
    behind = _parts(grammar)
    knobs = dict.fromkeys(knob for part in behind.values() for knob in part.knobs)
    return document.Policy(
        name="chassis",
        rationale="Every design at once, each part behind a switch.",
        parameters={name: designs.parameter(name, {}) for name in knobs}
        | dict.fromkeys((*behind, *grammar.flags), SWITCH),
        router=_router(grammar) if "order" in grammar.one else None,
        scheduler=_scheduler(grammar) if "scheduler" in grammar.one else None,
        autoscaler=_autoscaler(grammar) if "autoscaler" in grammar.one else None,
    )


def switched(sketch: grammars.Sketch, grammar: grammars.Grammar, chassis: document.Policy) -> Mapping[str, float]:
    """Values of the chassis's parameters with which it decides as the sketch."""
    on = {_switch(place, getattr(sketch.design, place)) for place in grammar.one}
    on |= {_switch(place, term) for place in grammar.several for term in getattr(sketch.design, place)}
    on |= {flag for flag in grammar.flags if getattr(sketch.design, flag)}
    knobs = {name: value for name, value in sketch.values.items() if name in chassis.parameters}
    return knobs | {name: float(name in on) for name in (*_parts(grammar), *grammar.flags)}


def _switch(place: str, part: str) -> str:
    return f"{place}_{part or 'none'}".replace("-", "_")


def _parts(grammar: grammars.Grammar, *places: str) -> dict[str, parts.Part]:
    """Parts of these places, or of all, by their switches."""
    tables = {**grammars.PLACES, **grammars.SUMS}
    return {
        _switch(place, name): tables[place][1][name] if name else EMPTY[place]
        for place, names in (*grammar.one.items(), *grammar.several.items())
        for name in names
        if place in places or not places
    }


def _sum(grammar: grammars.Grammar, *places: str, **holes: str) -> str:
    """All parts of these places, each times its switch: what is off adds an exact zero."""
    found = _parts(grammar, *places)
    terms = "\n    + ".join(f"p.{name} * ({part.text.format(**holes)})" for name, part in found.items())
    return f"(\n    {terms}\n)"


def _either(grammar: grammars.Grammar, *places: str) -> str:
    """Whether the condition of any part of these places holds that is there."""
    found = _parts(grammar, *places)
    reasons = "\n    or ".join(f"(p.{name} > 0 and ({part.text}))" for name, part in found.items())
    return f"(\n    {reasons}\n)"


def _branches(grammar: grammars.Grammar, *places: str) -> list[str]:
    """The statements of each part of these places, run where it is there."""
    lines = []
    for name, part in _parts(grammar, *places).items():
        lines += [f"if p.{name} > 0:", textwrap.indent(part.text, "    ")]
    return lines


def _function(head: str, *lines: str) -> str:
    return f"def {head}:\n{textwrap.indent(chr(10).join(lines), '    ')}\n"


def _router(grammar: grammars.Grammar) -> str:
    coming = parts.COMING[grammar.plain.coming]
    asked = {"tokens": coming.tokens, "requests": coming.requests}
    own = {"tokens": "request.prompt_tokens", "requests": ""}
    order = _function("order(request, fleet, p)", f"return {_sum(grammar, 'order')}")
    score = _function(
        "score(request, replica, fleet, p)",
        f"held = {_sum(grammar, 'held')}",
        *coming.lines,
        f"coming = ceil({_sum(grammar, 'charge', **asked)} / replica.block_size)",
        f"need = ceil({_sum(grammar, 'charge', **own)} / replica.block_size)",
        f"room = {_sum(grammar, 'room', 'room_terms')}",
        "if p.admits > 0 and replica.kv_blocks - (held + coming + need) < room and replica.in_flight > 0:",
        f"    if {_either(grammar, 'aside')}:",
        "        return SKIP",
        "    return BLOCK",
        f"if {_either(grammar, 'gate')}:",
        "    return BLOCK",
        f"return -{_sum(grammar, 'balance', 'terms')}",
    )
    return f"{order}\n{score}"


def _scheduler(grammar: grammars.Grammar) -> str:
    return _function("priority(request, fleet, p)", f"return {_sum(grammar, 'scheduler')}")


def _autoscaler(grammar: grammars.Grammar) -> str:
    return _function(
        "replicas(fleet, p)",
        "need = 0",
        *_branches(grammar, "autoscaler"),
        "if p.autoscaler_none > 0:",
        "    return need",
        *_branches(grammar, "reserves"),
        f"if {_either(grammar, 'holds')}:",
        "    return fleet.wanted",
        "if p.gently > 0:",
        f"    return {parts.GENTLY.text}",
        "return ceil(need)",
    )

"""One program that is every design: each part stands in it behind a switch, so that a screen of many compiles once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.research import design as designs
from glia_operator.research import parts
from glia_operator.research.strategies import grammar as grammars
from glia_sim.policy import document

if TYPE_CHECKING:
    from collections.abc import Mapping

EMPTY = {"scheduler": "request.sequence", "autoscaler": "fleet.wanted"}
"""What decides as an empty place does: first come, first served; and no change."""
SWITCH = document.Parameter(value=0.0, low=0.0, high=1.0, unit="0 or 1", meaning="whether the part is there")
ADMITS = "admits"


def build(grammar: grammars.Grammar) -> document.Policy:
    """The policy that decides as any design of the grammar, once its switches are set (`switched`).

    What is switched off adds an exact zero; sums may differ from a design's own in the last bit.
    """
    knobs = dict.fromkeys(knob for part in _parts(grammar).values() for knob in part.knobs)
    return document.Policy(
        name="chassis",
        rationale="Every design at once, each part behind a switch.",
        parameters={name: designs.parameter(name, {}) for name in knobs}
        | dict.fromkeys(_parts(grammar), SWITCH)
        | ({ADMITS: SWITCH} if grammar.admits else {}),
        router=_router(grammar) if grammar.admits else None,
        scheduler=_only("def priority(request, fleet, p):", "scheduler", grammar),
        autoscaler=_only("def replicas(fleet, p):", "autoscaler", grammar),
    )


def switched(sketch: grammars.Sketch, grammar: grammars.Grammar, chassis: document.Policy) -> Mapping[str, float]:
    """Values of the chassis's parameters with which it decides as the sketch."""
    on = {_switch(place, getattr(sketch.design, place)) for place in grammar.one}
    on |= {_switch(place, term) for place in grammar.several for term in getattr(sketch.design, place)}
    switches = {name: float(name in on) for name in _parts(grammar)}
    admits = {ADMITS: float(sketch.design.admits)} if grammar.admits else {}
    knobs = {name: value for name, value in sketch.values.items() if name in chassis.parameters}
    return knobs | switches | admits


def _switch(place: str, part: str) -> str:
    return f"{place}_{part or 'none'}".replace("-", "_")


def _parts(grammar: grammars.Grammar) -> dict[str, parts.Part]:
    """Every part of the grammar by its switch."""
    tables = {**grammars.PLACES, **grammars.SUMS}
    return {
        _switch(place, name): tables[place][1][name] if name else parts.Part(text=EMPTY[place], why="as it is")
        for place, names in (*grammar.one.items(), *grammar.several.items())
        for name in names
    }


def _sum(grammar: grammars.Grammar, *places: str, **holes: str) -> str:
    """All parts of these places, each times its switch; on lines of their own."""
    texts = [
        f"p.{switch} * ({part.text.format(**holes)})"
        for switch, part in _parts(grammar).items()
        if any(switch.startswith(f"{place}_") for place in places)
    ]
    return "(\n        " + "\n        + ".join(texts) + "\n    )"


def _only(head: str, place: str, grammar: grammars.Grammar) -> str | None:
    return f"{head}\n    return {_sum(grammar, place)}\n" if place in grammar.one else None


def _router(grammar: grammars.Grammar) -> str:
    coming = _sum(
        grammar, "charge", tokens="replica.waiting_tokens", requests="(replica.in_flight - replica.started) * "
    )
    need = _sum(grammar, "charge", tokens="request.prompt_tokens", requests="")
    lines = (
        "def order(request, fleet, p):",
        f"    return {_sum(grammar, 'order')}",
        "",
        "def score(request, replica, fleet, p):",
        f"    held = {_sum(grammar, 'held')}",
        f"    coming = ceil({coming} / replica.block_size)",
        f"    need = ceil({need} / replica.block_size)",
        f"    room = {_sum(grammar, 'room')}",
        "    if p.admits > 0 and replica.kv_blocks - (held + coming + need) < room and replica.in_flight > 0:",
        "        return BLOCK",
        f"    return -{_sum(grammar, 'balance', 'terms')}",
        "",
    )
    return "\n".join(lines)

"""A design: which part stands in which place; and the policy document that it means."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from glia_operator.research import knob_table, parts
from glia_sim.policy import document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Names of parts; `admits` is whether the router holds requests until a replica has room.

    `gently` is whether the autoscaler gives back one replica at a time.

    An empty name leaves the place to the fleet's default; an empty `gate` leaves it open, and with an empty `aside`
    nobody is tried behind a request without room.
    """

    order: str = "arrival"
    admits: bool = False
    room: str = "share"
    room_terms: tuple[str, ...] = ()
    charge: str = "share"
    held: str = "used"
    coming: str = "unstarted"
    aside: str = ""
    gate: str = ""
    balance: str = "requests"
    terms: tuple[str, ...] = ()
    scheduler: str = ""
    autoscaler: str = ""
    reserves: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    gently: bool = False

    def with_term(self, term: str) -> Design:
        """The design with one more term in the choice of replica."""
        return self if term in self.terms else replace(self, terms=(*self.terms, term))

    def with_room_term(self, term: str) -> Design:
        """The design that holds requests back, with one more term in what stays free."""
        terms = self.room_terms if term in self.room_terms else (*self.room_terms, term)
        return replace(self, admits=True, room_terms=terms)

    def with_reserve(self, reserve: str) -> Design:
        """The design whose autoscaler keeps one more reserve; the proportional one where it has none."""
        reserves = self.reserves if reserve in self.reserves else (*self.reserves, reserve)
        return replace(self, autoscaler=self.autoscaler or "proportional", reserves=reserves)

    def with_hold(self, hold: str) -> Design:
        """The design whose autoscaler has one more reason to stay as it is; the proportional one where it has none."""
        holds = self.holds if hold in self.holds else (*self.holds, hold)
        return replace(self, autoscaler=self.autoscaler or "proportional", holds=holds)

    def with_memory(self) -> Design:
        """The design that balances memory, and requests beside it, in place of requests alone."""
        return replace(self, balance="memory").with_term("queue")


def begun(traits: frozenset[str]) -> Design:
    """What every design of a study begins with: it counts memory by what the router can see."""
    return Design(coming="unrun" if "unstreamed" in traits else "unstarted")


def written(design: Design) -> str:
    """The design as one line of text."""
    return json.dumps(asdict(design), sort_keys=True)


def read(text: str) -> Design:
    """The design that `written` wrote."""
    content: dict[str, Any] = json.loads(text)
    places: dict[str, Any] = {name: tuple(part) if isinstance(part, list) else part for name, part in content.items()}
    return Design(**places)


def chosen(design: Design) -> tuple[parts.Part, ...]:
    """Every part of the design, in the order of its programs."""
    places = [parts.ORDERS[design.order], *(parts.TERMS[term] for term in design.terms)]
    if design.admits:
        places += _room(design)
        places += [parts.ASIDE[design.aside]] if design.aside else []
    places += [parts.GATES[design.gate]] if design.gate else []
    places += [parts.SCHEDULERS[design.scheduler]] if design.scheduler else []
    return (*places, *_scaling(design))


def _scaling(design: Design) -> tuple[parts.Part, ...]:
    """Parts of the autoscaler; reserves and holds mean nothing without one."""
    if not design.autoscaler:
        return ()
    reserves = (parts.RESERVES[reserve] for reserve in design.reserves)
    return (parts.AUTOSCALERS[design.autoscaler], *reserves, *(parts.HOLDS[hold] for hold in design.holds))


def knobs(design: Design) -> tuple[str, ...]:
    """Names of the parameters that the design reads."""
    own = parts.CHARGES[design.charge].knobs if _counts_memory(design) else ()
    return tuple(dict.fromkeys((*own, *(knob for part in chosen(design) for knob in part.knobs))))


def router(design: Design) -> str:
    """Text of the router program."""
    load = _sum([parts.BALANCES[design.balance].text, *(parts.TERMS[term].text for term in design.terms)])
    lines = [
        "def order(request, fleet, p):",
        f"    return {parts.ORDERS[design.order].text}",
        "",
        "def score(request, replica, fleet, p):",
    ]
    if _counts_memory(design):
        coming = parts.COMING[design.coming]
        lines += [
            f"    held = {parts.HELD[design.held].text}",
            *(f"    {line}" for line in coming.lines),
            f"    coming = {_blocks(design, coming.tokens, coming.requests)}",
        ]
    if design.admits:
        lines += [
            f"    need = {_blocks(design, 'request.prompt_tokens', '')}",
            f"    room = {_sum(part.text for part in _room(design))}",
            "    # An idle replica takes anything: nothing else could ever make room there.",
            "    if replica.kv_blocks - (held + coming + need) < room and replica.in_flight > 0:",
        ]
        if design.aside:
            lines += [f"        if {parts.ASIDE[design.aside].text}:", "            return SKIP"]
        lines.append("        return BLOCK")
    if design.gate:
        lines += [f"    if {parts.GATES[design.gate].text}:", "        return BLOCK"]
    return "\n".join([*lines, f"    return -({load})", ""])


def _sum(texts: Iterable[str]) -> str:
    """The texts added up; one that begins with `0 -` is subtracted."""
    return " + ".join(texts).replace(" + 0 - ", " - ")


def _room(design: Design) -> tuple[parts.Part, ...]:
    return (parts.ROOM[design.room], *(parts.ROOM_TERMS[term] for term in design.room_terms))


def _blocks(design: Design, tokens: str, requests: str) -> str:
    """Blocks that requests need which have not produced a token yet."""
    charge = parts.CHARGES[design.charge].text.format(tokens=tokens, requests=requests)
    return f"ceil({charge} / replica.block_size)"


def autoscaler(design: Design) -> str:
    """Text of the autoscaler program."""
    needs = [parts.AUTOSCALERS[design.autoscaler], *(parts.RESERVES[reserve] for reserve in design.reserves)]
    lines = [line for part in needs for line in part.text.split("\n")]
    if design.holds:
        stays = " or ".join(parts.HOLDS[hold].text for hold in design.holds)
        lines += [f"if {stays}:", "    return fleet.wanted"]
    answer = parts.GENTLY.text if design.gently else "ceil(need)"
    return "\n".join(["def replicas(fleet, p):", *(f"    {line}" for line in lines), f"    return {answer}", ""])


def _counts_memory(design: Design) -> bool:
    return design.admits or design.balance == "memory"


def texts(design: Design) -> dict[str, str | None]:
    """Text of each program of the design; None where the fleet's default stays."""
    scheduler = parts.SCHEDULERS[design.scheduler].text if design.scheduler else None
    return {
        "router": router(design),
        "scheduler": scheduler and f"def priority(request, fleet, p):\n    return {scheduler}\n",
        "autoscaler": autoscaler(design) if design.autoscaler else None,
    }


def compose(design: Design, values: Mapping[str, float], *, name: str) -> document.Policy:
    """The policy document of a design with these parameter values."""
    return document.Policy(
        name=name,
        rationale=rationale(design),
        parameters={knob: parameter(knob, values) for knob in knobs(design)},
        **texts(design),
    )


def parameter(name: str, values: Mapping[str, float]) -> document.Parameter:
    """A knob as a policy's parameter, with its own value where none is given."""
    knob = knob_table.KNOBS[name]
    return document.Parameter(
        value=values.get(name, knob.value), low=knob.low, high=knob.high, unit=knob.unit, meaning=knob.meaning
    )


def _counted(design: Design) -> str:
    coming = parts.COMING[design.coming].why
    return f"{parts.HELD[design.held].why}{coming and f', and {coming}'}"


def rationale(design: Design) -> str:
    """The design in words."""
    sentences = [f"Held requests: {parts.ORDERS[design.order].why}."]
    if design.admits:
        sentences.append(
            "A request is held until some replica has KV memory for it and its growth; what stays free there is "
            f"{', '.join(part.why for part in _room(design))}. Growth is {parts.CHARGES[design.charge].why}."
        )
        if design.aside:
            sentences.append(
                "Where the first of the held requests has no room the others wait behind it; only "
                f"{parts.ASIDE[design.aside].why} stand aside."
            )
    if design.gate:
        sentences.append(f"A replica takes no request while {parts.GATES[design.gate].why}.")
    preferred = [parts.BALANCES[design.balance].why, *(parts.TERMS[term].why for term in design.terms)]
    memory = f"Memory counts {_counted(design)}; preferred" if _counts_memory(design) else "Preferred"
    sentences.append(f"{memory}: {', '.join(preferred)}.")
    if design.scheduler:
        sentences.append(f"Batch scheduler: {parts.SCHEDULERS[design.scheduler].why}.")
    if design.autoscaler:
        wanted = [parts.AUTOSCALERS[design.autoscaler].why, *(parts.RESERVES[one].why for one in design.reserves)]
        sentences.append(f"Autoscaler: {', and '.join(wanted)}.")
        if design.gently:
            sentences.append(parts.GENTLY.why)
        if design.holds:
            sentences.append(f"It stays as it is where {' or '.join(parts.HOLDS[one].why for one in design.holds)}.")
    return " ".join(sentences)

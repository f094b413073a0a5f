"""The design that a policy in use is composed from, read from its programs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from glia_operator.research import design as designs
from glia_operator.research import parts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from glia_sim.policy import document


def recognised(policy: document.Policy, tunes: Collection[str]) -> designs.Design | None:
    """The design whose programs are the policy's, as far as they may change; None where there is none.

    Values do not matter, and programs outside of `tunes` may be any.
    """
    router, scheduler, scaler = (
        policy.texts.get(name, "") if name in tunes else "" for name in ("router", "scheduler", "autoscaler")
    )
    coming, charge = _memory(router)
    found = designs.Design(
        order=_one(parts.ORDERS, router, "    return {}\n") or "arrival",
        admits="    need = " in router,
        room=_one(parts.ROOM, router, "room = {}") or "share",
        room_terms=_several(parts.ROOM_TERMS, router),
        charge=charge,
        held=_one(parts.HELD, router, "held = {}\n") or "used",
        coming=coming,
        aside=_one(parts.ASIDE, router, "        if {}:\n"),
        gate=_one(parts.GATES, router, "if {}:"),
        balance=_one(parts.BALANCES, router, "return -({}") or "requests",
        terms=_several(parts.TERMS, router),
        scheduler=_one(parts.SCHEDULERS, scheduler, "    return {}\n"),
        autoscaler=_one(parts.AUTOSCALERS, scaler.replace("\n    ", "\n"), "\n{}\n"),
        reserves=_several(parts.RESERVES, scaler),
        holds=_several(parts.HOLDS, scaler),
        gently=parts.GENTLY.text in scaler,
    )
    texts = designs.compose(found, {}, name=policy.name).texts
    same = all(texts.get(program) == policy.texts.get(program) for program in tunes)
    return found if same else None


def _one(table: Mapping[str, parts.Part], text: str, *forms: str) -> str:
    """The part whose text stands there in one of the forms, the longest where several do; empty where none does."""
    there = [name for name, part in table.items() if any(form.format(part.text) in text for form in forms)]
    return max(there, key=lambda name: len(table[name].text), default="")


def _several(table: Mapping[str, parts.Part], text: str) -> tuple[str, ...]:
    """The parts whose texts stand there, as they follow one another."""
    places = {name: text.find(part.text.removeprefix("0 - ")) for name, part in table.items()}
    return tuple(sorted((name for name, place in places.items() if place >= 0), key=lambda name: places[name]))


def _memory(router: str) -> tuple[str, str]:
    """How what was sent and does not run counts, and what requests are charged with; the usual where nothing counts."""
    for coming, charge in itertools.product(parts.COMING, parts.CHARGES):
        counted = parts.COMING[coming]
        charged = parts.CHARGES[charge].text.format(tokens=counted.tokens, requests=counted.requests)
        if f"coming = ceil({charged} / replica.block_size)\n" in router:
            return coming, charge
    return "unstarted", "share"

"""Known programs: the catalogue's policies taken apart by program, and put together again in other pairs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from glia_sim.policy import catalogue, document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from glia_operator.research import brief as briefs

NEEDS_PREFIXES = "replica.prefix_hit_tokens"
PROGRAMS = ("router", "scheduler", "autoscaler")


def policies(brief: briefs.Brief) -> tuple[document.Policy, ...]:
    """The policy in use and the known ones, each cut down to what the brief tunes and can use.

    Two that become the same stand once.
    """
    found: dict[tuple[tuple[str, str], ...], document.Policy] = {}
    for whole in (brief.baseline, *map(document.load, catalogue.names())):
        fitting = [piece(whole, program) for program in whole.texts if _fits(brief, whole, program)]
        if fitting:
            policy = joined(fitting)
            found.setdefault(tuple(policy.texts.items()), policy)
    return tuple(found.values())


def _fits(brief: briefs.Brief, policy: document.Policy, program: str) -> bool:
    """Whether the brief tunes the program, and the fleet and the workload give it something to read."""
    if program not in brief.tunes or (program == "autoscaler" and brief.fleet.autoscaler is None):
        return False
    return brief.workload.has_prefixes or NEEDS_PREFIXES not in policy.texts[program]


def completed(policy: document.Policy, fitting: Sequence[document.Policy]) -> tuple[document.Policy, ...]:
    """The policy with every choice of known programs in the places that it leaves empty."""
    grown = [policy]
    for program in PROGRAMS:
        pieces = {one.texts[program]: piece(one, program) for one in fitting if program in one.texts}
        grown += [joined((one, other)) for one in grown if program not in one.texts for other in pieces.values()]
    return tuple(grown[1:])


def piece(policy: document.Policy, program: str) -> document.Policy:
    """One program of a policy, with the parameters that it reads."""
    read = {name for one in policy.programs[program].facts.values() for name in one.parameters}
    return document.Policy(
        name=policy.name,
        rationale=policy.rationale,
        parameters={name: one for name, one in policy.parameters.items() if name in read},
        **{program: policy.texts[program]},
    )


def joined(pieces: Iterable[document.Policy]) -> document.Policy:
    """One policy of several that have no program in common; a later one's parameter is renamed where its name is taken.

    Its name and rationale name the policies that it is made of.
    """
    whole: document.Policy | None = None
    for one in pieces:
        whole = one if whole is None else _with(whole, one)
    assert whole is not None  # noqa: S101 - callers have at least one piece
    return whole


def _with(first: document.Policy, second: document.Policy) -> document.Policy:
    taken = {name for name, one in second.parameters.items() if first.parameters.get(name, one) != one}
    renamed = {name: f"{name}_{'_'.join(second.texts)}" for name in taken}
    same = first.name == second.name
    return document.Policy(
        name=first.name if same else f"{first.name}-{second.name}"[:63].rstrip("-"),
        rationale=first.rationale if same else f"{_told(first)} {_told(second)}",
        parameters=first.parameters | {renamed.get(name, name): one for name, one in second.parameters.items()},
        **first.texts | {program: _renamed(text, renamed) for program, text in second.texts.items()},
    )


def _told(policy: document.Policy) -> str:
    programs = " and ".join(policy.texts)
    return f"{programs[0].upper()}{programs[1:]} of {policy.name}: {policy.rationale}"


def _renamed(text: str, names: dict[str, str]) -> str:
    return re.sub(r"\bp\.(\w+)", lambda found: f"p.{names.get(found[1], found[1])}", text)

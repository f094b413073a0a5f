"""Ideas: what to change in a design when a bottleneck is named, why it should help, and what to expect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from glia_operator.research import design as designs

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_operator.research import team

Design = designs.Design


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """One change to a design.

    Attributes:
        program: which program it changes; a brief that does not tune it leaves the idea out.
        addresses: name of the bottleneck.
        hypothesis: what should happen and why; a sentence that can be wrong.
        change: from the best design so far to the one to try.
        hope: share of the bottleneck's strength that the objective is expected to improve by.
        unless: title of an idea against the same thing; where that one was kept, this one is not tried.
        needs: a trait that the fleet and workload must have (`team.View.traits`); empty = none.
    """

    title: str
    program: str
    addresses: str
    hypothesis: str
    change: Callable[[Design], Design]
    hope: float = 0.1
    unless: str = ""
    needs: str = ""


def _gated(design: Design) -> Design:
    order = "shortest" if design.order == "arrival" else design.order
    return replace(design, gate="prefill", order=order)


IDEAS = (
    Idea(
        title="headroom admission",
        hope=0.1,
        program="router",
        addresses="memory",
        hypothesis="If the router holds requests until some replica has room for them and their growth, restarts "
        "fall to a small share, at the price of queueing at the router.",
        change=lambda design: replace(design, admits=True),
    ),
    Idea(
        title="shortest prompt first among held requests",
        hope=0.6,
        program="router",
        addresses="head-of-line",
        hypothesis="Prompts differ by orders of magnitude: if short ones are admitted first the mean falls sharply, "
        "while the longest prompts wait longer and the tail grows.",
        change=lambda design: replace(design, admits=True, order="shortest"),
    ),
    Idea(
        title="ageing in proportion",
        hope=0.6,
        program="router",
        addresses="head-of-line",
        hypothesis="If each doubling of the prompt buys a fixed extra wait, no request starves: the p99 returns "
        "below the baseline's and most of the gain in the mean stays.",
        change=lambda design: replace(design, admits=True, order="log"),
    ),
    Idea(
        title="linear ageing",
        unless="ageing in proportion",
        hope=0.6,
        program="router",
        addresses="head-of-line",
        hypothesis="If each second of waiting forgives a number of prompt tokens, the longest prompts are served "
        "after a bounded wait.",
        change=lambda design: replace(design, admits=True, order="linear"),
    ),
    Idea(
        title="nobody pays twice",
        hope=0.05,
        program="scheduler",
        addresses="memory",
        hypothesis="Whoever waited long for admission and is preempted first as well ends in the tail: if waiting at "
        "the router protects from preemption, the p99 falls, and what it gains can be spent on the mean.",
        change=lambda design: replace(design, scheduler="newest-waited"),
    ),
    Idea(
        title="room that breathes",
        hope=0.1,
        program="router",
        addresses="memory",
        hypothesis="Running requests grow by a block every few steps, preempted ones want to return, and prompts do "
        "not foretell outputs: if what stays free follows the first two instead of a share of the memory, and every "
        "newcomer is charged the same reply, memory is full when little can go wrong.",
        change=lambda design: replace(design, room="growing", charge="reply").with_room_term("preempted"),
    ),
    Idea(
        title="large requests stand aside",
        hope=0.05,
        program="router",
        addresses="memory",
        hypothesis="The first held request reserves memory for itself: while a large one waits until enough of it is "
        "free in one place, memory stands idle and everyone behind it waits too. If large ones let the others pass "
        "where they have no room, the mean falls, and ageing can be brisker for the same tail.",
        change=lambda design: replace(design, admits=True, aside="large"),
    ),
    Idea(
        title="memory beside the queue's length",
        hope=0.05,
        program="router",
        addresses="memory",
        hypothesis="Requests differ in memory by orders of magnitude: if the choice weighs memory in use and asked for "
        "beside requests in flight, replicas fill evenly and fewer requests are restarted.",
        change=Design.with_memory,
    ),
    Idea(
        title="the oldest and the longest yield",
        unless="nobody pays twice",
        hope=0.3,
        program="scheduler",
        addresses="memory",
        hypothesis="Output lengths are heavy-tailed and unknown, so what has run longest will run longest, and a long "
        "prompt holds memory from its first step on: if age and length choose who is preempted, newcomers pass them "
        "and the mean falls; ageing in the queue keeps the tail.",
        change=lambda design: replace(design, scheduler="oldest-longest"),
    ),
    Idea(
        title="shortest prompt first in the batch scheduler, in proportion",
        unless="ageing in proportion",
        hope=0.3,
        program="scheduler",
        addresses="head-of-line",
        hypothesis="If the replica's own queue is ordered by the logarithm of the prompt's length and by arrival, "
        "short prefills do not wait for long ones, long prompts are preempted rather than whoever came last, and no "
        "prompt waits without end.",
        change=lambda design: replace(design, scheduler="in-proportion"),
    ),
    Idea(
        title="a gate on prefill work",
        hope=0.3,
        program="router",
        addresses="interference",
        hypothesis="Prefills are most of the work, and a replica's own queue can neither be reordered nor moved: if a "
        "replica is given only as many prompt tokens as keep it busy for a step or two and the rest is held, shortest "
        "prompt first, most first tokens come sooner, while the longest prompts wait for a replica without other work.",
        change=_gated,
        needs="prefills",
    ),
    Idea(
        title="a thin batch",
        hope=0.1,
        program="router",
        addresses="interference",
        hypothesis="Every request in a step slows down the others, and where prefills are most of the work a large "
        "batch finishes no more of them: if a replica takes requests only up to a share of its memory, those that run "
        "are served faster, and the rest can be sorted at the router.",
        change=lambda design: replace(design, admits=True, room="thin"),
        needs="prefills",
    ),
    Idea(
        title="nobody waits on a replica",
        hope=0.05,
        program="router",
        addresses="interference",
        hypothesis="Replicas differ in speed, so the next one to be free is not the one with the shortest queue: if a "
        "request is held while anybody waits on a replica, it goes where a place is free first, and of several to the "
        "one with the most free memory.",
        change=lambda design: replace(design, gate="waiting").with_memory(),
        needs="mixed",
    ),
    Idea(
        title="prefill backlog",
        hope=0.1,
        program="router",
        addresses="interference",
        hypothesis="If the choice weighs the prompt tokens that still wait for their prefill, long prompts do not "
        "meet on one replica, and first tokens come sooner.",
        change=lambda design: design.with_term("prefill"),
    ),
    Idea(
        title="ageing within seconds",
        hope=0.2,
        program="router",
        addresses="interference",
        hypothesis="Where requests last seconds, waits of seconds have to count: if prefill work is gated and each "
        "doubling of the prompt buys a wait of seconds, short prompts pass long ones, and even under overload nobody "
        "waits much longer than by order of arrival.",
        change=lambda design: replace(design, gate="prefill", order="log-brisk"),
        needs="prefills",
    ),
    Idea(
        title="committed memory",
        unless="room that breathes",
        hope=0.05,
        program="router",
        addresses="memory",
        hypothesis="If memory counts what preempted requests will need again, admission stops filling the room that "
        "they left, and they return sooner.",
        change=lambda design: replace(design, held="committed"),
    ),
    Idea(
        title="prefix affinity",
        hope=0.3,
        program="router",
        addresses="prefix",
        hypothesis="If a prompt goes where its prefix is cached, prefills shrink by what is not computed again.",
        change=lambda design: design.with_term("affinity"),
        needs="prefixes",
    ),
    Idea(
        title="faster replicas first",
        hope=0.3,
        program="router",
        addresses="interference",
        hypothesis="Replicas differ in speed: if the choice weighs the step time times the queue, the fast ones "
        "carry more.",
        change=lambda design: design.with_term("speed"),
        needs="mixed",
    ),
    Idea(
        title="replicas in proportion to the load",
        hope=0.3,
        program="autoscaler",
        addresses="idle replicas",
        hypothesis="If the number of replicas follows the requests in flight, quiet hours cost less at the same "
        "latency.",
        change=lambda design: replace(design, autoscaler="proportional"),
        needs="scales",
    ),
    Idea(
        title="mostly by what the arrival rate will bring",
        hope=0.04,
        program="autoscaler",
        addresses="idle replicas",
        hypothesis="Requests in flight follow the arrival rate a reply later, and scatter more: if most of the demand "
        "is the rate times the time in service, replicas come earlier and turn back less often: the fleet can be "
        "leaner.",
        change=lambda design: replace(design, autoscaler="foreseen"),
        needs="scales",
    ),
    Idea(
        title="busy spells are kept in mind",
        hope=0.03,
        program="autoscaler",
        addresses="idle replicas",
        hypothesis="Arrivals come in spells: if a rising rate asks for replicas at once and they are given back one at "
        "a time, an hour with spells keeps a reserve that a calm one does not pay for, and the fleet can be leaner.",
        change=lambda design: replace(design.with_reserve("trend"), gently=True),
        needs="scales",
    ),
    Idea(
        title="one replica back at a time",
        hope=0.03,
        program="autoscaler",
        addresses="idle replicas",
        hypothesis="Requests in flight scatter from one look to the next, and a replica given back drains for minutes "
        "and takes its start-up time to return: if the fleet shrinks by one at a time, it pays for fewer such turns.",
        change=lambda design: replace(design, autoscaler=design.autoscaler or "proportional", gently=True),
        needs="scales",
    ),
    Idea(
        title="a band in which nothing changes",
        hope=0.02,
        program="autoscaler",
        addresses="idle replicas",
        hypothesis="A start costs its delay and a drained replica minutes: if the fleet grows only when it is short by "
        "a share of a replica, and shrinks only into one with room, it turns less often for the same latency.",
        change=lambda design: design.with_hold("band"),
        needs="scales",
    ),
    Idea(
        title="spare for chance",
        hope=0.02,
        program="autoscaler",
        addresses="idle replicas",
        hypothesis="Chance grows with the square root of the load: a spare that grows likewise lets every replica be "
        "given more in busy hours than a fixed share per replica does.",
        change=lambda design: design.with_reserve("spare"),
        needs="scales",
    ),
    Idea(
        title="patience before shrinking",
        hope=0.02,
        program="autoscaler",
        addresses="start-up delay",
        hypothesis="A replica takes its start-up time to come back: if the fleet shrinks only when nothing has changed "
        "for a while, it stops paying for replicas that start again and again.",
        change=lambda design: design.with_hold("patience"),
        needs="scales",
    ),
    Idea(
        title="replicas for the tokens that arrive",
        hope=0.02,
        program="autoscaler",
        addresses="start-up delay",
        hypothesis="Work is tokens, not requests: if the tokens that arrive per second ask for replicas, long prompts "
        "count for what they cost.",
        change=lambda design: replace(design, autoscaler="tokens"),
        needs="scales",
    ),
)


COUNTED = {"gpu-hours": "idle replicas"}
"""The bottleneck that an objective itself counts."""


def ranked(view: team.View) -> tuple[Idea, ...]:
    """Ideas that fit; those against bottlenecks that promise most first, the table's order within one bottleneck.

    A bottleneck promises its strength times the best hope among its ideas that are left. One that the user's hints name
    comes before all others, and then what the objective itself counts.
    """
    strength = strengths(view)
    counted = COUNTED.get(view.objective)
    hints = view.hints.lower()
    fitting = [idea for idea in IDEAS if idea.program in view.tunes and (not idea.needs or idea.needs in view.traits)]

    def promise(place: int) -> float:
        addresses = fitting[place].addresses
        left = [idea.hope for idea in fitting[place:] if idea.addresses == addresses]
        return strength.get(addresses, 0.0) * max(left)

    def key(place: int) -> tuple[bool, bool, float]:
        addresses = fitting[place].addresses
        return addresses not in hints, addresses != counted, -promise(place)

    return tuple(fitting[k] for k in sorted(range(len(fitting)), key=key))


def strengths(view: team.View) -> dict[str, float]:
    """How much each bottleneck costs, 0 to 1; an objective in GPU-hours makes idle replicas one."""
    strength = {bottleneck.name: bottleneck.strength for bottleneck in view.bottlenecks}
    return strength | ({COUNTED[view.objective]: 1.0} if view.objective in COUNTED else {})

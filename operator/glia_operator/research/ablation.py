"""Ablation: what each part of a policy is worth, measured by leaving it out."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from glia_operator.research import design as designs
from glia_sim import seeds
from glia_sim.policy import compile as programs
from glia_sim.policy import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glia_operator.research import laboratory
    from glia_operator.research import outcome as outcomes

ABLATION_SEEDS = 12
SKIPPED_SEEDS = 24
"""Validation seeds that chose among the finalists; an ablation takes the ones after them."""
LEAST_TOGETHER = 2
TIE = 0.002
"""Costs this close are a tie, which goes to the shorter program."""
PLACES = {
    "order": "the order of held requests",
    "admits": "holding requests until a replica has room",
    "room": "the room that stays free",
    "room_terms": "more room",
    "charge": "the charge for what will grow",
    "held": "the count of memory",
    "coming": "the count of what comes",
    "aside": "standing aside",
    "gate": "the gate",
    "balance": "the balance between replicas",
    "terms": "the term of the choice",
    "scheduler": "the batch scheduler's order",
    "autoscaler": "the autoscaler",
    "reserves": "the reserve of replicas",
    "holds": "the reason not to shrink",
    "gently": "shrinking gently",
}
"""What the places of a design are called."""
assert set(PLACES) == {place.name for place in fields(designs.Design)}  # noqa: S101 - the table is total


@dataclass(frozen=True, slots=True, kw_only=True)
class Without:
    """A policy with one part left out.

    Attributes:
        part: what was left out, in words.
        improvement: of the objective over the baseline without it, mean over seeds.
        whole: the same with it.
        cost: what search lowers, without it.
        whole_cost: the same with it.
        policy: the policy without it.
    """

    part: str
    improvement: float
    whole: float
    cost: float
    whole_cost: float
    policy: document.Policy

    @property
    def needless(self) -> bool:
        """Whether the policy is as good without the part."""
        return self.cost <= self.whole_cost + TIE

    @property
    def barred(self) -> bool:
        """Whether the policy without the part costs more than the baseline, so that the exam would object."""
        return self.cost > 0.0 > self.whole_cost


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A policy without a part; `place` and `term` say where a composed design has it."""

    part: str
    policy: document.Policy
    place: str = ""
    term: str = ""


def ablate(study: laboratory.Study, done: outcomes.Experiment) -> tuple[Without, ...]:
    """What an experiment's policy loses without each of its parts, on validation seeds; none where it has one part.

    Where several parts of a composed policy help nothing, the last entry is the policy without all of them.
    """
    cuts = list(_cuts(study, done))
    if not cuts:
        return ()
    study.tell(f"ablation of {done.title}")
    found = _marked(study, done, cuts)
    needless = [cut for cut, one in zip(cuts, found, strict=True) if one.needless and cut.place]
    if len(needless) < LEAST_TOGETHER:
        return found
    design = designs.read(done.parts)
    for cut in needless:
        design = _left_out(design, cut.place, cut.term)
    together = _Cut(part=" and ".join(cut.part for cut in needless), policy=_composed(study, done, design))
    return (*found, *_marked(study, done, [together]))


def _marked(study: laboratory.Study, done: outcomes.Experiment, cuts: list[_Cut]) -> tuple[Without, ...]:
    """Each cut beside the whole policy; one record for these cuts together."""
    policies = [cut.policy for cut in cuts]
    key = f"{done.policy.digest} {policies[0].digest[:19]} {len(policies)}"
    body = study.once("ablation", key, lambda: _measure(study, done.policy, policies))
    whole, *parts = body["rows"]
    return tuple(
        Without(
            part=cut.part,
            improvement=row["improvement"],
            whole=whole["improvement"],
            cost=row["cost"],
            whole_cost=whole["cost"],
            policy=cut.policy,
        )
        for cut, row in zip(cuts, parts, strict=True)
    )


def sentence(found: tuple[Without, ...]) -> str:
    """An ablation in words."""
    if not found:
        return "the policy has a single part"
    return f"{'; '.join(phrase(one) for one in found)}."


def phrase(one: Without) -> str:
    """What one part is worth, in words."""
    return (
        f"without {one.part} {one.improvement:+z.1%} instead of {one.whole:+z.1%} "
        f"(cost {one.cost - one.whole_cost:+z.3f})"
    )


def _cuts(study: laboratory.Study, done: outcomes.Experiment) -> Iterator[_Cut]:
    """The policy without each of its parts: of a composed one its parts, of any other its programs."""
    if done.parts:
        yield from _parts(study, done)
        return
    brief, policy = study.brief, done.policy
    changed = [name for name, text in policy.texts.items() if text != brief.baseline.texts.get(name)]
    for name in changed if len(changed) > 1 else ():
        kept = replace(brief, tunes=brief.tunes - {name})
        yield _Cut(part=f"its {name} program", policy=kept.confined(policy))


def _parts(study: laboratory.Study, done: outcomes.Experiment) -> Iterator[_Cut]:
    design, plain = designs.read(done.parts), designs.Design()
    seen = {done.policy.digest}
    for place in fields(design):
        value, default = getattr(design, place.name), getattr(plain, place.name)
        terms = value if isinstance(value, tuple) else ("",) if value != default else ()
        for term in terms:
            policy = _composed(study, done, _left_out(design, place.name, term))
            if policy.digest not in seen:
                seen.add(policy.digest)
                yield _Cut(part=_words(place.name, term or value), policy=policy, place=place.name, term=term)


def _words(place: str, value: object) -> str:
    return f"{PLACES[place]} ({value})" if isinstance(value, str) else PLACES[place]


def _left_out(design: designs.Design, place: str, term: str) -> designs.Design:
    """The design with the default in a place, or without one term of a place that holds several."""
    rest: Any = (
        tuple(one for one in getattr(design, place) if one != term) if term else getattr(designs.Design(), place)
    )
    return replace(design, **{place: rest})


def _composed(study: laboratory.Study, done: outcomes.Experiment, design: designs.Design) -> document.Policy:
    """A design with the experiment's values, as far as it reads them."""
    values = {name: one.value for name, one in done.policy.parameters.items() if name in designs.knobs(design)}
    return study.brief.confined(designs.compose(design, values, name=done.policy.name))


def _measure(study: laboratory.Study, whole: document.Policy, cut: list[document.Policy]) -> dict[str, Any]:
    chosen = seeds.stream("validation", SKIPPED_SEEDS + ABLATION_SEEDS, root=study.brief.root)[SKIPPED_SEEDS:]
    rows = study.marker.judge([programs.compile(one) for one in (whole, *cut)], study.where, chosen)
    return {"rows": [{"improvement": improvement, "cost": cost} for improvement, cost in rows]}

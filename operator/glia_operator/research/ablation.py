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
TIE = 0.002
"""Costs this close are a tie, which goes to the shorter program."""


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


def ablate(study: laboratory.Study, done: outcomes.Experiment) -> tuple[Without, ...]:
    """What an experiment's policy loses without each of its parts, on validation seeds; none where it has one part."""
    cut = list(variants(study, done))
    if not cut:
        return ()
    study.tell(f"ablation of {done.title}")
    body = study.once("ablation", done.policy.digest, lambda: _measure(study, done.policy, [one for _, one in cut]))
    whole, *parts = body["rows"]
    return tuple(
        Without(
            part=part,
            improvement=row["improvement"],
            whole=whole["improvement"],
            cost=row["cost"],
            whole_cost=whole["cost"],
            policy=policy,
        )
        for (part, policy), row in zip(cut, parts, strict=True)
    )


def sentence(found: tuple[Without, ...]) -> str:
    """An ablation in words."""
    if not found:
        return "the policy has a single part"
    parts = [
        f"without {one.part} {one.improvement:+z.1%} instead of {one.whole:+z.1%} "
        f"(cost {one.cost - one.whole_cost:+.3f})"
        for one in found
    ]
    return f"{'; '.join(parts)}."


def variants(study: laboratory.Study, done: outcomes.Experiment) -> Iterator[tuple[str, document.Policy]]:
    """The policy without each of its parts: of a composed one its parts, of any other its programs."""
    if done.parts:
        yield from _composed(study, done)
        return
    brief, policy = study.brief, done.policy
    changed = [name for name, text in policy.texts.items() if text != brief.baseline.texts.get(name)]
    for name in changed if len(changed) > 1 else ():
        kept = replace(brief, tunes=brief.tunes - {name})
        yield f"its {name} program", kept.confined(policy)


def _composed(study: laboratory.Study, done: outcomes.Experiment) -> Iterator[tuple[str, document.Policy]]:
    design = designs.read(done.parts)
    values = {name: one.value for name, one in done.policy.parameters.items() if name in designs.knobs(design)}
    seen = {done.policy.digest}
    for part, without in _without(design):
        found = study.brief.confined(designs.compose(without, values, name=done.policy.name))
        if found.digest not in seen:
            seen.add(found.digest)
            yield part, found


def _without(design: designs.Design) -> Iterator[tuple[str, designs.Design]]:
    plain = designs.Design()
    for place in fields(design):
        value, default = getattr(design, place.name), getattr(plain, place.name)
        if isinstance(value, tuple):
            for term in value:
                rest: Any = tuple(one for one in value if one != term)
                yield (
                    f"the {place.name.removesuffix('s').replace('_', ' ')} {term}",
                    replace(design, **{place.name: rest}),
                )
        elif value != default:
            yield (
                f"{place.name} {value}" if isinstance(value, str) else place.name,
                replace(design, **{place.name: default}),
            )


def _measure(study: laboratory.Study, whole: document.Policy, cut: list[document.Policy]) -> dict[str, Any]:
    chosen = seeds.stream("validation", SKIPPED_SEEDS + ABLATION_SEEDS, root=study.brief.root)[SKIPPED_SEEDS:]
    rows = study.marker.judge([programs.compile(one) for one in (whole, *cut)], study.where, chosen)
    return {"rows": [{"improvement": improvement, "cost": cost} for improvement, cost in rows]}

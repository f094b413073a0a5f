"""Search without a model: screens of random and varied designs, and sweeps of what they leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from glia_operator.research import design as designs
from glia_operator.research import laboratory
from glia_operator.research.strategies import chassis, screening
from glia_operator.research.strategies import grammar as grammars
from glia_sim.policy import compile as programs

if TYPE_CHECKING:
    from glia_operator.research import desk
    from glia_sim.policy import document

CANDIDATES, LEAST_CANDIDATES = 60, 12
"""Designs of a screen; fewer where the trace is expensive."""
FRESH, CROSSED = 0.2, 0.3
"""Shares of a screen, after the first, that are drawn anew, and that cross two of the elite; the rest vary one."""
ELITE = 6
CLOSE = 0.15
"""What costs so much more than the best is not worth a sweep."""
ONCE, LARGER = 1, 2
"""How often a member was swept, a larger sweep being the last."""
LAST = 0.2
"""Share of the experiments, the last ones, that are larger sweeps of the best."""
ADDRESSES = "structure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A sketch of the elite: its cost on the seeds that all experiments are judged on, and its sweeps so far."""

    sketch: grammars.Sketch
    cost: float
    sweeps: int = 0


def explore(research: desk.Research) -> None:
    """Screens and sweeps in turn, and larger sweeps at the end, until the experiments are spent.

    Where the brief tunes nothing that the fleet has there is nothing to search.
    """
    study = research.study
    grammar = grammars.fitting(study.brief)
    if not grammar.places:
        return
    search = Search(study=study, grammar=grammar, chassis=study.brief.confined(chassis.build(grammar)))
    while research.go_on():
        done, total = len(study.experiments), study.brief.experiments
        wide = done >= (1.0 - LAST) * total
        member = search.promising(LARGER if wide else ONCE)
        if member is None or (done % 2 == 0 and not wide):
            search.screen()
        else:
            search.sweep(member, wide=wide)


@dataclass(slots=True, kw_only=True)
class Search:
    """A search at work: the elite, best first, and the program that all its designs share."""

    study: laboratory.Study
    grammar: grammars.Grammar
    chassis: document.Policy
    elite: list[Member] = field(default_factory=list)

    def screen(self) -> None:
        """One experiment: whether some design of a new generation beats what is known."""
        sketches = self._generation()
        program = programs.compile(self.chassis)
        candidates = [
            screening.Candidate(
                policy=self._composed(sketch),
                program=program.with_values(chassis.switched(sketch, self.grammar, self.chassis)),
                parts=designs.written(sketch.design),
            )
            for sketch in sketches
        ]
        origin = "variants of the best so far" if self.elite else "drawn at random from the grammar"
        plan = laboratory.Plan(
            title=f"screen of {len(sketches)} designs",
            hypothesis=f"Some structure among these {len(sketches)}, {origin}, beats the best so far as it is drawn.",
            addresses=ADDRESSES,
            policy=(self.elite and self._composed(self.elite[0].sketch)) or self.study.brief.baseline,
        )
        screened = screening.screen(self.study, plan, candidates)
        for place, cost in screened.judged:
            self._admit(Member(sketch=sketches[place], cost=cost))

    def promising(self, sweeps: int) -> Member | None:
        """The best member near the best of all that was swept less often: a sweep repeated finds the same."""
        near = [one for one in self.elite if one.sweeps < sweeps and one.cost < self.elite[0].cost + CLOSE]
        return near[0] if near else None

    def sweep(self, member: Member, *, wide: bool) -> None:
        """One experiment: whether a design is better with other values than it was drawn with."""
        plan = laboratory.Plan(
            title=f"{'larger sweep' if wide else 'sweep'} of {len(designs.knobs(member.sketch.design))} parameters",
            hypothesis=f"{designs.rationale(member.sketch.design)} Other values are better: a sweep lowers the cost.",
            addresses=ADDRESSES,
            policy=self._composed(member.sketch),
            parts=designs.written(member.sketch.design),
            wide=wide,
        )
        done = laboratory.experiment(self.study, plan)
        values = {name: one.value for name, one in done.policy.parameters.items() if name in member.sketch.values}
        tuned = grammars.Sketch(design=member.sketch.design, values={**member.sketch.values, **values})
        self.elite.remove(member)
        self._admit(Member(sketch=tuned, cost=done.cost, sweeps=LARGER if wide else ONCE))

    def _composed(self, sketch: grammars.Sketch) -> document.Policy:
        return self.study.brief.confined(designs.compose(sketch.design, sketch.values, name="found-by-search"))

    def _admit(self, member: Member) -> None:
        """Take a member in where it is among the best; of one design only the best values stay."""
        best: dict[designs.Design, Member] = {}
        for one in sorted([*self.elite, member], key=lambda one: one.cost):
            best.setdefault(one.sketch.design, one)
        self.elite = list(best.values())[:ELITE]

    def _generation(self) -> list[grammars.Sketch]:
        chance = np.random.default_rng((self.study.brief.root, len(self.study.experiments)))
        count = max(LEAST_CANDIDATES, round(CANDIDATES * self.study.effort.generations))
        return [self._sketch(chance) for _ in range(count)]

    def _sketch(self, chance: np.random.Generator) -> grammars.Sketch:
        kind = chance.random()
        if not self.elite or kind < FRESH:
            return grammars.drawn(self.grammar, chance)
        first, second = (self.elite[int(chance.integers(len(self.elite)))].sketch for _ in range(2))
        if kind < FRESH + CROSSED:
            return grammars.crossed(first, second, self.grammar, chance)
        return grammars.varied(first, self.grammar, chance)

"""One attempt of a model: a view goes in, a policy comes out and becomes an experiment, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glia_operator.research import desk, laboratory

if TYPE_CHECKING:
    from glia_operator.research import outcome as outcomes
    from glia_operator.research import team
    from glia_sim.policy import document


@dataclass(slots=True, kw_only=True)
class Attempts:
    """The attempts of a study, each of which takes one of its experiments.

    Attributes:
        research: where they are made.
        made: how many were made, usable or not.
    """

    research: desk.Research
    made: int = 0
    _known: dict[str, int] = field(default_factory=dict)

    @property
    def go_on(self) -> bool:
        """Whether another attempt may be made."""
        return self.made < self.research.study.brief.experiments and self.research.go_on()

    def make(self, view: team.View) -> outcomes.Experiment | None:
        """Show the view to the brain and try what it proposes; None where there is nothing to try."""
        self.made += 1
        turn = self.research.hear("researcher", view)
        if turn.act != "propose":
            self.research.note(f"attempt {self.made} is spent: the answer is no policy ({turn.act}: {turn.text})")
            return None
        policy = desk.admitted(self.research, turn)
        if isinstance(policy, str):
            self.research.note(f"attempt {self.made} is spent: refused: {policy}")
            return None
        before = self._known.setdefault(_decides(policy), self.made)
        if before < self.made:
            self.research.note(f"attempt {self.made} is spent: it repeats attempt {before}")
            return None
        done = laboratory.experiment(self.research.study, desk.plan(turn, policy))
        self.research.note(done.finding)
        return done


def _decides(policy: document.Policy) -> str:
    """Whatever makes a policy decide and be tuned as it does; names and reasons do not."""
    return policy.model_copy(update={"name": "any", "rationale": "any"}).digest

"""The playbook as a brain: two sets of rules, each a function of what its role may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.research.playbook import researcher, supervisor

if TYPE_CHECKING:
    from glia_operator.research import team


class Playbook:
    """Researcher and Supervisor by rule; the same view always gets the same answer."""

    name = "playbook"

    def check(self) -> None:
        """Rules can always think."""

    def researcher(self, view: team.View) -> team.Turn:
        """The Researcher's next turn."""
        return researcher.turn(view)

    def supervisor(self, view: team.View) -> team.Turn:
        """The Supervisor's next turn."""
        return supervisor.turn(view)

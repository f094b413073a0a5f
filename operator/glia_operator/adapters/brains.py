"""Who thinks in a study: the playbook, or a model that an object or the environment names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.adapters import budget as budgets
from glia_operator.adapters import endpoint as endpoints
from glia_operator.adapters import model as models
from glia_operator.research.playbook import brain as playbook

if TYPE_CHECKING:
    from glia_operator.api import question
    from glia_operator.research import team


def named(research: question.Research, *, key: str) -> team.Brain:
    """The brain that an object names.

    Args:
        research: of a GliaOptimization.
        key: what the model's endpoint is shown; empty where it wants none.

    Raises:
        InputFault: the URL or the key cannot be one.
    """
    found = research.brain.openai
    if found is None:
        return playbook.Playbook()
    address = endpoints.Address(url=found.base_url, model=found.model, key=key)
    budget = budgets.Budget(tokens=research.budget.tokens or budgets.TOKENS)
    return models.ModelBrain(endpoints.Endpoint(address), budget)

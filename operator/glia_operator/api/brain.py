"""Who has the ideas in a study."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pydantic

from glia_operator.api import rule, secret, section


class Playbook(section.Section):
    """The built-in researcher: hypotheses from a profile, experiments, tuning, exam. It needs no network."""


class OpenAI(section.Section):
    """A model behind an OpenAI-compatible endpoint, which may be a vLLM server of your own."""

    base_url: Annotated[str, pydantic.Field(max_length=2048, alias="baseURL"), rule.URL]
    """Address without the path of a call, such as https://api.openai.com/v1 or http://vllm.models:8000/v1."""
    model: Annotated[str, pydantic.Field(min_length=1, max_length=253), rule.PRINTABLE]
    """The model's name as the endpoint knows it."""
    api_key_secret_ref: secret.SecretRef | None = None
    """The key, in a Secret that the operator may read; without it none is sent."""


class Brain(section.Section):
    """Who has the ideas: the built-in researcher, unless a model is named."""

    rules: ClassVar = (
        rule.Rule(
            cel="!(has(self.playbook) && has(self.openai))",
            message="give at most one of playbook and openai",
            holds=lambda self: None in (self.playbook, self.openai),
        ),
    )

    playbook: Playbook | None = None
    """The built-in researcher."""
    openai: OpenAI | None = None
    """A model. The workload's statistics and the policies under study are sent to it; requests never are."""

    @property
    def name(self) -> str:
        """Who thinks, in words that do not hold a secret."""
        return "playbook" if self.openai is None else f"openai {self.openai.model} at {self.openai.base_url}"

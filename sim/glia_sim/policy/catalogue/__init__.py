"""Known policies, each written in the policy language: one YAML document per policy beside this file."""

from __future__ import annotations

import functools
from importlib import resources


@functools.cache
def names() -> tuple[str, ...]:
    """Names of all policies of the catalogue, in alphabetical order."""
    files = resources.files(__package__).iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def text(name: str) -> str:
    """The document of a policy of the catalogue."""
    return resources.files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")

"""A `GliaOptimization` in a file, for `glia optimize -f`: fleet and trace may be paths, the target absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import pydantic

from glia_operator.api import offline as offlines
from glia_operator.api import question, section
from glia_operator.api import target as targets
from glia_operator.api import telemetry as telemetries
from glia_sim import text_file, yaml_text

if TYPE_CHECKING:
    import pathlib

MAX_BYTES = 262_144
Path = Annotated[str, pydantic.Field(max_length=4096)]


class OfflineFiles(offlines.Cut):
    """A fleet and a trace: names, addresses or paths."""

    fleet: Path
    """Built-in fleet or YAML file."""
    trace: Path
    """Trace file or synthetic workload."""
    limit: Annotated[int, pydantic.Field(ge=1)] | None = None
    """At most so many requests."""
    baseline: Path = "llq"
    """Policy of the catalogue or YAML file."""


class FileSpec(question.Question):
    """What you want, without a cluster."""

    target: targets.Target | None = None
    """Not read here."""
    offline: OfflineFiles
    """A fleet and a trace."""
    telemetry: telemetries.Telemetry | None = None
    """Not read here."""
    paused: bool = False
    """Not read here."""


class Metadata(section.Status):
    """The object's name."""

    name: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class OptimizationFile(section.Section):
    """One optimisation in a file."""

    api_version: Literal["glia.dev/v1alpha1"]
    kind: Literal["GliaOptimization"]
    metadata: Metadata
    spec: FileSpec


def load(path: pathlib.Path) -> OptimizationFile:
    """Read one object from a YAML file.

    Raises:
        InputFault: naming the file, the field, what was received and what would be right.
    """
    text = text_file.read(path, what="a GliaOptimization's YAML file", most_bytes=MAX_BYTES)
    content, _ = yaml_text.read(text, str(path))
    return section.read(OptimizationFile, content, str(path))

"""What Kubernetes gives every object: metadata and conditions."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from glia_operator.api import rule, section, words

GROUP = "glia.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
LABEL_OPTIMIZATION = f"{GROUP}/optimization"
LABEL_PART = f"{GROUP}/part"
ANNOTATION_SEQUENCE = f"{GROUP}/sequence"
MAX_OPTIMIZATION_NAME = 50


class ObjectMeta(section.Status):
    """What identifies an object; the rest of Kubernetes' metadata is not read."""

    name: str
    namespace: str | None = None
    uid: str | None = None
    generation: int | None = None
    resource_version: str | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = pydantic.Field(default_factory=dict)
    annotations: dict[str, str] = pydantic.Field(default_factory=dict)


class Condition(section.Status):
    """One aspect of the state, as Kubernetes' conventions have it."""

    type: Annotated[
        str,
        pydantic.Field(max_length=64),
        rule.shape("[A-Z][A-Za-z0-9]*", "must be a word such as Ready"),
    ]
    """Which aspect, such as CandidateApproved."""
    status: Literal["True", "False", "Unknown"]
    """Whether it is so."""
    reason: Annotated[
        str,
        pydantic.Field(min_length=1, max_length=128),
        rule.shape("[A-Z][A-Za-z0-9]*", "must be a word such as StudyFinished"),
    ]
    """Why, in one word for machines."""
    message: Annotated[str, pydantic.Field(max_length=4096)] = ""
    """Why, in a sentence for people; where something has to be mended, it says what."""
    observed_generation: Annotated[int, pydantic.Field(ge=0)] | None = None
    """The generation of the object that this was said about."""
    last_transition_time: words.Moment
    """When the status last changed."""


Conditions = Annotated[
    tuple[Condition, ...],
    pydantic.Field(max_length=16, strict=False, json_schema_extra=words.keyed("type")),
]
"""Conditions by type."""

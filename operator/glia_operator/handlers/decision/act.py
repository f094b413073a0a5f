"""What can be done about what was observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glia_operator.api import optimization_status as statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class StartStudy:
    """Study this question; nothing happens where it is studied already, and another one of this optimisation ends."""

    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopStudy:
    """End the study; its records stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteHints:
    """Write the hints into the notebook."""

    hints: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePolicy:
    """Propose a revision; its name says which, so that doing it twice does it once."""

    name: str
    spec: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovePolicy:
    """Approve a revision in the operator's own name."""

    name: str
    exam: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPolicy:
    """Write the status of a revision."""

    name: str
    phase: str
    valid: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardNotebook:
    """Delete the notebook of a question that is asked no more."""

    brief: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """Tell what happened, as an Event on the optimisation, or on the GliaPolicy named."""

    warning: bool
    reason: str
    message: str
    policy: str = ""


Action = StartStudy | StopStudy | NoteHints | CreatePolicy | ApprovePolicy | MarkPolicy | DiscardNotebook | Emit


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do: first the actions in their order, then the status, then look again after `requeue_after_s`.

    Attributes:
        status: None where the object needs none.
        requeue_after_s: None where only a change can bring news.
    """

    status: statuses.OptimizationStatus | None
    actions: tuple[Action, ...] = ()
    requeue_after_s: float | None = None

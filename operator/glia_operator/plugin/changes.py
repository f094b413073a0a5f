"""`kubectl glia diff`: what differs between two policies, in words and as a text diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glia_operator.plugin import text
from glia_operator.research import revision
from glia_sim import faults
from glia_sim.policy import change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.plugin import told as tolds
    from glia_sim.policy import document

MOST_REVISIONS = 2


def pair(told: tolds.Told, revisions: Sequence[int]) -> tuple[document.Policy, document.Policy]:
    """The policies to compare: two revisions, one and what it would replace, or the newest and what it would replace.

    Raises:
        InputFault: no such revision, or what a revision would replace is known neither here nor in the catalogue.
    """
    if len(revisions) > MOST_REVISIONS:
        raise faults.InputFault("diff compares two revisions at most")
    if len(revisions) == MOST_REVISIONS:
        old, new = (revision.policy_document(told.revision(number).spec) for number in revisions)
        return old, new
    if not revisions and not told.policies:
        raise faults.InputFault(f"{told.name} has no policies yet; there is nothing to compare")
    of = told.revision(revisions[0]) if revisions else told.policies[-1]
    parent = told.parent(of)
    if parent is None:
        raise faults.InputFault(
            f"{of.metadata.name} would replace {of.spec.evidence.baseline_policy} ({of.spec.parent}), which is neither "
            "a revision here nor in the catalogue; name two revisions"
        )
    return parent, revision.policy_document(of.spec)


def page(old: document.Policy, new: document.Policy) -> str:
    """The change in words, then the diff."""
    found = change.describe(old, new)
    if not found.words:
        return f"{old.name} and {new.name} decide the same by the same text\n"
    return "\n".join([f"{old.name} -> {new.name}", *text.bullets(found.words), "", found.diff]) + "\n"

"""`kubectl glia report`: one HTML page about a policy, from what the cluster holds; nothing is simulated again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2

from glia_operator.plugin import explain, status
from glia_operator.research import revision
from glia_sim.policy import change, document

if TYPE_CHECKING:
    from glia_operator.api import policy
    from glia_operator.plugin import told as tolds


def page(told: tolds.Told, of: policy.GliaPolicy) -> str:
    """The page; it needs no network.

    Raises:
        InputFault: the policy was changed after its exam, or is outside the language.
    """
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("glia_operator.plugin", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    new, old = revision.policy_document(of.spec), told.parent(of)
    notebook = told.notebook(of.spec.evidence.brief_digest)
    found = None if old is None else change.describe(old, new)
    return pages.get_template("report.html").render(
        policy=of,
        evidence=of.spec.evidence,
        phase=status.phase(of),
        headline=explain.headline(of),
        marks=explain.marks(of.spec.evidence),
        trail=notebook.trail,
        chain=explain.chain(told, of.spec.evidence, notebook),
        change=found,
        document=document.dumps(new),
    )

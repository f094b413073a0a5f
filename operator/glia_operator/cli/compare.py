"""`glia compare`: the same requests under several policies."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from glia_operator.cli import marks, measure, scene
from glia_sim import faults
from glia_sim.policy import document

if TYPE_CHECKING:
    from glia_operator.cli import cut as cuts


def run(cut: cuts.Cut, names: str, *, as_json: bool) -> None:
    """Print the marks of every policy in `names`, which commas separate."""
    labels = [name.strip() for name in names.split(",")]
    if not all(labels):
        raise faults.InputFault(f"--policies {names!r}: a name is empty; write them as a,b,c")
    where = scene.load(cut)
    policies = [document.load(label) for label in labels]
    measured = [measure.measure(where, label, policy) for label, policy in zip(labels, policies, strict=True)]
    rows = [marks.row(one.label, one.card, one.cpu_s) for one in measured]
    if as_json:
        sys.stdout.write(marks.dumps({"policies": rows}) + "\n")
        return
    sys.stdout.write(f"{where.workload.requests} requests of {where.workload.name} on {where.machines.name}\n\n")
    sys.stdout.write(marks.table(rows))

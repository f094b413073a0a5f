"""`glia policies` and `glia fleets`: what there is by name, a line each."""

from __future__ import annotations

import sys

from glia_sim import fleet_file
from glia_sim.policy import catalogue, document


def policies() -> None:
    """Name, programs and the first sentence of the rationale of each policy of the catalogue."""
    for name in catalogue.names():
        policy = document.load(name)
        sentence = " ".join(policy.rationale.split()).partition(". ")[0].rstrip(".")
        sys.stdout.write(f"{name:18}{', '.join(policy.texts):24}{sentence}\n")


def fleets() -> None:
    """Name and groups of each built-in fleet."""
    for name in fleet_file.names():
        machines = fleet_file.load(name)
        groups = ", ".join(
            f"{group.count} x {group.model} on {group.tensor_parallel} {group.gpu}" for group in machines.groups
        )
        sys.stdout.write(f"{name:24}{groups}; {machines.router.views} views\n")

"""What every command begins with: a fleet, the requests it meets, and policies, all checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_sim import fleet, fleet_file
from glia_sim.workload import readers

if TYPE_CHECKING:
    from glia_operator.cli import cut as cuts
    from glia_sim.workload import trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A fleet that can serve the workload."""

    machines: fleet.Fleet
    workload: trace.Workload


def load(cut: cuts.Cut) -> Scene:
    """Read and check both.

    Raises:
        InputFault: naming the place, what was received and what would be right.
    """
    machines = fleet_file.load(cut.fleet)
    workload = readers.read(cut.trace, time_scale=cut.time_scale, start=cut.start, limit=cut.limit)
    fleet.check(machines, workload)
    return Scene(machines=machines, workload=workload)

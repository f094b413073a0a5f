"""What a table is asked with: data, results so far, where simulations run, and the studies that tables share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_operator.research import notebook as notebooks
from glia_operator.research import study as studies
from glia_sim import faults, score
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.workload import readers
from paper import tables

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable
    from concurrent import futures

    from glia_operator.research import brief as briefs
    from glia_operator.research import outcome as outcomes
    from glia_sim import fleet as fleets
    from glia_sim.policy import document
    from glia_sim.workload import trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a table may use.

    Attributes:
        data: folder of the recorded traces; it may be missing.
        out: folder of this version's results; notebooks of studies stand in it.
        executor: where simulations run; no result depends on it.
        progress: is told in words what is done now.
    """

    data: pathlib.Path
    out: pathlib.Path
    executor: futures.Executor
    progress: Callable[[str], None]

    def recorded(
        self, name: str, *, time_scale: float = 1.0, start: float = 0.0, limit: int | None = None
    ) -> trace.Workload:
        """A recorded trace by the name of its file.

        Raises:
            NotRun: the file is not in the data folder.
        """
        path = self.data / name
        if not path.is_file():
            raise tables.NotRun(f"there is no {name} in the data folder (`--data`, or GLIA_DATA for `make paper`).")
        return readers.read(path, time_scale=time_scale, start=start, limit=limit)

    def study(self, brief: briefs.Brief) -> outcomes.Outcome:
        """The answer to a brief; a study that another table made already is recalled, an interrupted one goes on."""
        book = notebooks.File(self.out / "studies" / brief.digest[7:23] / "notebook.jsonl")
        return studies.run(brief, notebook=book, executor=self.executor, progress=self._studied)

    def _studied(self, at: studies.Progress) -> None:
        self.progress(f"study: {at.done}/{at.total} {at.doing} ({at.simulations:,} simulations)")

    def card(self, machines: fleets.Fleet, workload: trace.Workload, policy: document.Policy) -> score.Scorecard:
        """Marks of a policy on the trace itself, nothing resampled."""
        return self.executor.submit(played, machines, workload, programs.compile(policy)).result()


def played(machines: fleets.Fleet, workload: trace.Workload, program: programs.Program) -> score.Scorecard:
    """Marks of one run; a module's function, so that it travels to worker processes."""
    run = runs.simulate(machines, workload, program)
    if run.policy_faults:
        raise faults.InputFault(f"{workload.name} on {machines.name}: the policy faulted {run.policy_faults} times")
    return score.card(run)

"""A question on the published operating point, as small as a test needs it; and an executor that tests can watch."""

from __future__ import annotations

from concurrent import futures

from glia_operator.research import brief as briefs
from glia_sim import fleet_file, goal
from glia_sim.policy import document
from glia_sim.workload import readers


def brief(requests: int, *, rate: int = 9, experiments: int = 4) -> briefs.Brief:
    """Lower the mean against LLQ on a short synthetic trace."""
    return briefs.Brief(
        fleet=fleet_file.load("paper-a10x4"),
        workload=readers.read(f"synthetic:paper?requests={requests}&rate={rate}&seed=4"),
        baseline=document.load("llq"),
        objective=goal.objective("mean-latency"),
        experiments=experiments,
    )


class AtOnce(futures.Executor):
    """Runs each job where it is submitted; counts them, and what they simulate beside the baseline."""

    def __init__(self) -> None:
        self.jobs = 0
        self.candidates = 0

    def submit(self, function, /, *arguments, **named):
        """Run the job now."""
        self.jobs += 1
        asked = [one for job in arguments for one in getattr(job, "programs", ())]
        self.candidates += sum(one.policy.name != "llq" for one in asked)
        future = futures.Future()
        future.set_result(function(*arguments, **named))
        return future

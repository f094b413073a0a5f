"""What executors that may lose workers share: jobs that are tried again, and what is said when that was not enough."""

from __future__ import annotations

from concurrent import futures
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_LOSSES = 4
"""A job whose workers die so often is given up: most likely it is what kills them."""


class WorkersLost(faults.Fault):
    """A job's workers died again and again."""


class Unreachable(faults.Fault):
    """There is no scheduler, or it has no worker."""


class OtherVersion(faults.Fault):
    """The cluster runs another version of this package."""


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """A call whose result was promised; workers may be lost while it runs."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: dict[str, Any]
    promised: futures.Future[Any] = field(default_factory=futures.Future)
    losses: int = 0

    def end(self, inner: futures.Future[Any]) -> None:
        """Hand on how the call came to its end, unless nobody wants to know any more."""
        if inner.cancelled():
            self.promised.cancel()
            self.promised.set_running_or_notify_cancel()
        elif (error := inner.exception()) is not None:
            self.fail(error)
        elif self.promised.set_running_or_notify_cancel():
            self.promised.set_result(inner.result())

    def fail(self, error: BaseException) -> None:
        """Hand on why there is no result."""
        if self.promised.set_running_or_notify_cancel():
            self.promised.set_exception(error)

    def is_hopeless(self, cause: str) -> bool:
        """Count one more loss of workers; after too many the job has failed."""
        self.losses += 1
        if self.losses < MOST_LOSSES:
            return False
        self.fail(WorkersLost(f"worker processes died {self.losses} times under the same simulation: {cause}"))
        return True

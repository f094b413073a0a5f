"""The process that runs one study: `python -m glia_operator.adapters.study_child`, started by `adapters.study_process`.

Lines of JSON go both ways. In: the job, then the records that stand already and how long they took, then an
acknowledgement for each record that is safe, and hints. Out: the brief, records, progress, and how it ended. The study
goes on only after its record is acknowledged. When the input ends, the operator is gone, and this process ends with all
its workers.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from glia_operator.adapters import brains, executors, logs
from glia_operator.api import optimization
from glia_operator.research import asked, revision, study
from glia_operator.research import notebook as notebooks
from glia_sim import faults
from glia_sim.policy import catalogue, document

if TYPE_CHECKING:
    from typing import TextIO

    from glia_operator.research import brief as briefs
    from glia_operator.research import outcome as outcomes
    from glia_operator.research import team


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The lines to and from the operator."""

    inbox: queue.SimpleQueue[dict[str, Any]]
    outbox: TextIO

    def tell(self, **message: object) -> None:
        """Send one line."""
        self.outbox.write(json.dumps(message) + "\n")
        self.outbox.flush()


class Ledger:
    """A notebook whose records are safe in the cluster before the study goes on.

    Args:
        lines: records that stand already.
        link: where new ones go.
        hints: what the user knows, noted before the next record.
    """

    def __init__(self, lines: list[str], link: Link, hints: str) -> None:
        self._link = link
        self._records = notebooks.Records(lines)
        self._hints: str | None = hints

    @property
    def last(self) -> str:
        """Digest of the newest record."""
        return self._records.last

    def recall(self, kind: str, key: str) -> Any:  # noqa: ANN401 - any JSON
        """Body of the record of that kind and key, or None."""
        return self._records.recall(kind, key)

    def append(self, kind: str, key: str, body: Any) -> None:  # noqa: ANN401 - any JSON
        """Write one record, and wait until it is safe; one that stands already with the same content is left."""
        if self._hints is not None:
            hints, self._hints = self._hints, None
            if hints != (self.recall("hints", "hints") or {}).get("hints", ""):
                self._write("hints", "hints", {"hints": hints})
        self._write(kind, key, body)

    def _write(self, kind: str, key: str, body: Any) -> None:  # noqa: ANN401 - any JSON
        following = self._records.following(kind, key, body)
        if following is None:
            return
        self._link.tell(record=following)
        while True:
            message = self._link.inbox.get()
            if "hints" in message:
                self._hints = message["hints"]
            if "safe" in message:
                break
        self._records.add(following)


def main() -> None:
    """Run the job on standard input."""
    outbox = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logs.begin(os.environ.get("GLIA_LOG_LEVEL", "INFO").upper())
    link = Link(inbox=queue.SimpleQueue(), outbox=outbox)
    threading.Thread(target=_listen, args=(link,), daemon=True).start()
    job = link.inbox.get()
    try:
        _study(job, link)
    except faults.InputFault as fault:
        link.tell(refused=str(fault))
    except faults.Fault as fault:
        link.tell(broke=str(fault))
    except Exception as error:
        log.exception("a study broke down", optimization=job["name"])
        link.tell(broke=f"{type(error).__name__}: {error}")


def _listen(link: Link) -> None:
    """Hand on what the operator says; when it is gone, end the whole process group at once."""
    for line in sys.stdin:
        link.inbox.put(json.loads(line))
    os.killpg(0, signal.SIGKILL)


def _study(job: dict[str, Any], link: Link) -> None:
    brief, brain = _brief(job)
    brain.check()
    link.tell(brief=brief.digest, budget=brief.experiments)
    standing = link.inbox.get()
    ledger = Ledger(standing["records"], link, job["hints"])
    began_s = time.monotonic() - standing["spent_s"]

    def progress(at: study.Progress) -> None:
        link.tell(done=at.done, doing=at.doing, simulations=at.simulations)

    where = executors.Settings(where=os.environ.get("GLIA_EXECUTOR", executors.LOCAL), processes=job["processes"])
    with executors.open_executor(where) as executor:
        outcome = study.run(
            brief,
            notebook=ledger,
            executor=executor,
            brain=brain,
            progress=progress,
            clock=lambda: time.monotonic() - began_s,
        )
    ledger.append("answer", "answer", _answer(job["name"], brief, outcome, ledger.last))
    link.tell(finished=True)


def _brief(job: dict[str, Any]) -> tuple[briefs.Brief, team.Brain]:
    spec = optimization.Spec.model_validate(job["spec"], by_alias=True, by_name=False)
    if spec.offline is None:
        raise faults.InputFault("spec.offline: there is none, so there is nothing to study")
    if spec.offline.baseline not in catalogue.names():
        known = ", ".join(catalogue.names())
        raise faults.InputFault(f"spec.offline.baseline: {spec.offline.baseline!r} is not in the catalogue: {known}")
    machines, workload = asked.scene(spec.offline, job["texts"])
    brief = asked.brief(
        asked.asked(spec),
        machines=asked.within(machines, spec),
        workload=workload,
        baseline=document.load(spec.offline.baseline),
    )
    brief = replace(brief, hints=job["hints"])  # newer than the spec, where they came in mid-study
    return brief, brains.named(spec.research, key=job["model_key"])


def _answer(name: str, brief: briefs.Brief, outcome: outcomes.Outcome, last: str) -> dict[str, Any]:
    """The study's answer as plain values: what to propose, or why nothing, and whether constraints can be kept."""
    answer: dict[str, Any] = {
        "proposal": None,
        "simulations": outcome.simulations,
        "reasons": list(outcome.verdict.reasons) if outcome.experiments else [],
        "feasible": outcome.feasibility.kept,
        "feasibility": outcome.feasibility.sentence,
        "explanation": list(outcome.explanation),
    }
    if outcome.best.digest != outcome.baseline.digest:
        place = revision.Place(optimization=name, revision=1, notebook_digest=last)
        answer["proposal"] = revision.spec(outcome, brief, place).plain()
    return answer


if __name__ == "__main__":
    main()

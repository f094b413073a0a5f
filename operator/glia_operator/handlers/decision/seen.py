"""What is observed before anything is decided: frozen values, each read from the cluster or from this process."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from glia_operator.api import optimization_status as statuses

if TYPE_CHECKING:
    from glia_operator.api import optimization


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that does not work, with what to do about it."""

    reason: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A GliaPolicy of this optimisation.

    Attributes:
        owned: made by the operator for this very optimisation.
        fault: why its programs cannot be used; empty where they can.
        decision: Approved, Rejected, or empty while nobody decided.
        by: who decided.
        phase: as its status says; empty where it has none.
        generation: of the object.
        noted: its Valid condition says what `fault` says.
    """

    name: str
    revision: int
    digest: str
    brief: str
    exam: str
    improvement: str
    interval: tuple[str, str] | None
    owned: bool = True
    fault: str = ""
    decision: str = ""
    by: str = ""
    reason: str = ""
    phase: str = ""
    generation: int = 1
    noted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a study ended.

    Attributes:
        proposal: spec of the GliaPolicy, but for its revision; None where nothing was approved.
        digest: of the proposed policy document.
        exam: digest of the exam.
        improvement: signed percentage, such as +19.35%.
        reasons: why nothing was approved.
        feasible: whether every constraint can be kept; None where there is none.
        feasibility: in a sentence, with the nearest that was reached.
    """

    proposal: dict[str, Any] | None
    digest: str = ""
    exam: str = ""
    improvement: str = "+0.00%"
    reasons: tuple[str, ...] = ()
    simulations: int = 0
    feasible: bool | None = None
    feasibility: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """The study's records as they stand in the cluster.

    Attributes:
        question: digest of the question that it answers.
        brief: digest of the brief.
        names: the ConfigMaps, in order.
        last: digest of the newest record.
        experiments: finished ones.
        hints: the newest that it holds.
        finding: what its newest experiment found.
    """

    question: str
    brief: str
    names: tuple[str, ...] = ()
    last: str = ""
    experiments: int = 0
    hints: str = ""
    finding: str = ""
    answer: Answer | None = None


class Stage(Enum):
    """Where a study in this process is."""

    IDLE = "idle"
    WAITING = "waiting"
    RUNNING = "running"
    REFUSED = "refused"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The study that this process runs, or last ran, for the optimisation.

    Attributes:
        question: digest of what it was asked.
        brief: digest of the brief, empty until it is built.
        sentence: why it was refused or broke down.
        retry_in_s: how long a study that broke down rests.
        doing: what it tries now.
        hints: what it was told.
    """

    stage: Stage = Stage.IDLE
    question: str = ""
    brief: str = ""
    sentence: str = ""
    retry_in_s: float = 0.0
    done: int = 0
    budget: int = 0
    simulations: int = 0
    doing: str = ""
    hints: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One GliaOptimization with everything around it.

    Attributes:
        spec: None where the object cannot be read; then `spec_fault` says why.
        winner: the older optimisation on the same target; empty where there is none.
        target: whether the Deployment is there.
        question: digest of everything that decides what a study answers.
        question_fault: why there is no question.
        notebook: of this question; None where it has none, or where it was not needed.
        notebook_fault: why the notebook cannot be read.
        others: briefs of older notebooks that are still there.
        trouble: what the API refused when the last decision was carried out.
        operator: the operator's own user name.
    """

    name: str
    namespace: str
    uid: str
    generation: int
    deleting: bool = False
    spec: optimization.Spec | None = None
    spec_fault: str = ""
    before: statuses.OptimizationStatus = field(default_factory=statuses.OptimizationStatus)
    winner: str = ""
    target: bool = True
    question: str = ""
    question_fault: Trouble | None = None
    study: Study = field(default_factory=Study)
    notebook: Notebook | None = None
    notebook_fault: str = ""
    others: tuple[str, ...] = ()
    policies: tuple[Policy, ...] = ()
    trouble: Trouble | None = None
    operator: str = ""

    @property
    def same_question(self) -> bool:
        """Whether the status speaks of the question that is asked now."""
        study = self.before.study
        return study is not None and bool(self.question) and study.question_digest == self.question

    @property
    def brief(self) -> str:
        """Digest of the brief that the question comes to; empty where it is not known."""
        if self.notebook is not None:
            return self.notebook.brief
        study = self.before.study
        return study.brief_digest or "" if study is not None and self.same_question else ""

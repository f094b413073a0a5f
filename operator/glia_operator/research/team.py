"""What Researcher and Supervisor see and say: the words of a study's conversation.

The Researcher sees everything. The Supervisor sees hypotheses, findings, budgets and history, and never a program:
`supervisors` takes programs, parts and analysis code out. Both answer with one `Turn`; what a turn does is decided in
`research.conversation`, and who thinks it up is a `Brain`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol, get_args

Role = Literal["researcher", "supervisor"]
ResearcherAct = Literal["propose", "inspect", "analyse", "state", "rest", "unusable"]
SupervisorAct = Literal["approve", "send-back", "ask", "demand", "suggest", "end", "unusable"]
Act = ResearcherAct | SupervisorAct
Sight = Literal["profile", "timeline", "breakdown"]

RESEARCHER_ACTS: tuple[ResearcherAct, ...] = get_args(ResearcherAct)
SUPERVISOR_ACTS: tuple[SupervisorAct, ...] = get_args(SupervisorAct)
SIGHTS: tuple[Sight, ...] = get_args(Sight)
LONGEST_TEXT = 4_000
"""Characters of a turn's text that are kept; what models write beyond is cut."""
LONGEST_POLICY = 20_000
"""Characters of a policy document that are read at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing that was said.

    Attributes:
        act: of a Researcher: propose an experiment; inspect (ask for a profile, timeline or breakdown of an
            experiment's run); analyse (run code over its requests); state a finding or an answer; rest (nothing more
            to try). Of a Supervisor: approve the proposal; send it back; ask a question; demand a control or an
            ablation; suggest what to combine or to look into; end the study. Of a brain that gave no usable answer:
            unusable, with the reason.
        text: the hypothesis, question, reason, finding or analysis code, in that act's sense.
        title: a proposal's short name.
        addresses: the bottleneck that a proposal is aimed at, by its name in the profile.
        predicted: improvement of the objective over the baseline that a proposal expects; 0.2 = a fifth better.
        policy: a proposal's policy document, in YAML.
        parts: the parts that it is composed from, as `design.written` writes them; empty for a policy of its own.
        wide: whether the proposal's parameters are worth the larger sweep.
        numbers: experiments that the turn is about; 0 is the baseline.
        sight: what is to be inspected.
        spent: tokens that a model read and wrote for this turn.
    """

    role: Role
    act: Act
    text: str
    title: str = ""
    addresses: str = ""
    predicted: float | None = None
    policy: str = ""
    parts: str = ""
    wide: bool = False
    numbers: tuple[int, ...] = ()
    sight: Sight | None = None
    spent: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One experiment as the team remembers it.

    Attributes:
        observed: improvement of the objective over the baseline, on training seeds; 0.2 = a fifth better.
        low: lower end of its 95 % interval.
        high: upper end.
        p99_ratio: p99 end-to-end time over the baseline's, geometric mean over seeds.
        cost: what search lowers: log ratio of the objective plus what the exam would object to; below 0 is better
            than the baseline.
        kept: whether it is the best so far at the time it ended.
        policy: the tuned policy document, in YAML; empty for the Supervisor.
        parts: as in `Turn`; empty for the Supervisor.
    """

    number: int
    title: str
    hypothesis: str
    addresses: str
    predicted: float | None
    observed: float
    low: float
    high: float
    p99_ratio: float
    cost: float
    finding: str
    kept: bool
    policy: str
    parts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """One thing that costs time: its name, strength from 0 to 1, and a sentence with numbers."""

    name: str
    strength: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a role knows when it is asked to speak.

    Attributes:
        task: fleet, workload, objective, constraints and tail rule, in sentences.
        tunes: programs that may change.
        objective: the objective's name.
        traits: what the fleet and workload have: "prefixes", "mixed", "scales", "prefills", "unstreamed" (clients
            that get their reply in one piece), each where true.
        hints: what the user knows; data, never instructions.
        bottlenecks: of the baseline, strongest first.
        baseline: the baseline's policy document; empty for the Supervisor.
        experiments: all so far, in order.
        turns: all so far, both roles.
        observations: answers to inspections and analyses, by the position of the turn that asked.
        pending: the Researcher's proposal that waits for the Supervisor.
        experiments_left: how many may still be run.
        turns_left: how many turns may still be taken, both roles together.
    """

    task: tuple[str, ...]
    tunes: frozenset[str]
    objective: str
    traits: frozenset[str]
    hints: str
    bottlenecks: tuple[Bottleneck, ...]
    baseline: str
    experiments: tuple[Line, ...]
    turns: tuple[Turn, ...]
    observations: dict[int, str]
    pending: Turn | None
    experiments_left: int
    turns_left: int

    @property
    def best(self) -> Line | None:
        """The experiment of lowest cost that beats the baseline, or None; controls count."""
        better = [one for one in self.experiments if one.cost < 0.0]
        return min(better, key=lambda one: one.cost, default=None)


class Brain(Protocol):
    """Who thinks: of a view alone, so that a study that is resumed goes on as it would have gone."""

    name: str

    def check(self) -> None:
        """Raise InputFault where it cannot think at all, before anything is spent."""
        ...

    def researcher(self, view: View) -> Turn:
        """The Researcher's next turn."""
        ...

    def supervisor(self, view: View) -> Turn:
        """The Supervisor's next turn; the view holds no program."""
        ...


def supervisors(view: View) -> View:
    """The view without programs, parts, and analysis code."""
    return replace(
        view,
        baseline="",
        experiments=tuple(replace(one, policy="", parts="") for one in view.experiments),
        turns=tuple(_said(turn) for turn in view.turns),
        observations={place: text for place, text in view.observations.items() if view.turns[place].act != "analyse"},
        pending=None if view.pending is None else _said(view.pending),
    )


def _said(turn: Turn) -> Turn:
    text = "(analysis code)" if turn.act == "analyse" else turn.text
    return replace(turn, text=text, policy="", parts="")

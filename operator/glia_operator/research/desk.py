"""What a study's team works at: the laboratory, who thinks, and everything known so far as one view."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from glia_operator.research import laboratory, team
from glia_sim import faults
from glia_sim.policy import document

if TYPE_CHECKING:
    from collections.abc import Callable

    from glia_operator.research import brief as briefs
    from glia_operator.research import outcome as outcomes
    from glia_operator.research import profile as profiles

TURNS, TURNS_PER_EXPERIMENT = 24, 8
"""A conversation may take so many turns, and so many more for each experiment of its budget."""
PREFILLS = 4.0
"""Prompts so many times as long as outputs, on average, make prefills most of the work."""


@dataclass(slots=True, kw_only=True)
class Research:
    """A study at work.

    Attributes:
        study: experiments are made there.
        brain: who thinks.
        profile: of the baseline.
        go_on: whether time and experiments are left.
        turns: what was said.
        observations: answers to turns, by position.
        pending: the proposal that waits for the Supervisor.
    """

    study: laboratory.Study
    brain: team.Brain
    profile: profiles.Profile
    go_on: Callable[[], bool]
    turns: list[team.Turn] = field(default_factory=list)
    observations: dict[int, str] = field(default_factory=dict)
    pending: team.Turn | None = None

    @property
    def turns_left(self) -> int:
        """How many turns may still be taken."""
        return TURNS + TURNS_PER_EXPERIMENT * self.study.brief.experiments - len(self.turns)

    @property
    def hints(self) -> str:
        """What the user knows: as noted last in the notebook, where hints may come in mid-study."""
        noted = self.study.notebook.recall("hints", "hints")
        return self.study.brief.hints if noted is None else str(noted["hints"])

    def view(self) -> team.View:
        """What a Researcher knows now."""
        brief = self.study.brief
        return team.View(
            task=task(brief),
            tunes=brief.tunes,
            objective=brief.objective.name,
            traits=traits(brief),
            hints=self.hints,
            bottlenecks=tuple(
                team.Bottleneck(name=one.name, strength=one.strength, sentence=one.sentence)
                for one in self.profile.bottlenecks
            ),
            baseline=document.dumps(brief.baseline),
            experiments=tuple(_line(brief, one) for one in self.study.experiments),
            turns=tuple(self.turns),
            observations=dict(self.observations),
            pending=self.pending,
            experiments_left=brief.experiments - len(self.study.experiments),
            turns_left=self.turns_left,
        )

    def hear(self, role: team.Role, view: team.View | None = None) -> team.Turn:
        """The next turn of a role, from the notebook where it stands there already; None = it sees everything."""
        key = f"{len(self.turns) + 1}"
        said = self.study.once("turn", key, lambda: asdict(self._ask(role, view or self.view())))
        content: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in said.items()}
        content.pop("simulations")
        turn = team.Turn(**content)
        self.turns.append(turn)
        return turn

    def _ask(self, role: team.Role, view: team.View) -> team.Turn:
        if role == "researcher":
            return self.brain.researcher(view)
        return self.brain.supervisor(team.supervisors(view))

    def note(self, text: str) -> None:
        """Answer the last turn."""
        place = len(self.turns) - 1
        self.observations[place] = text[: team.LONGEST_TEXT]
        self.study.notebook.append("observation", f"{place + 1}", {"text": self.observations[place]})

    def look(self, answer: Callable[[], str]) -> None:
        """Answer the last turn with what has to be computed, from the notebook where it stands there already."""
        place = len(self.turns) - 1
        found = self.study.once("observation", f"{place + 1}", lambda: {"text": answer()[: team.LONGEST_TEXT]})
        self.observations[place] = found["text"]

    def policy(self, number: int) -> document.Policy | None:
        """The tuned policy of an experiment; 0 is the baseline; None where there is no such experiment."""
        if number == 0:
            return self.study.brief.baseline
        found = [one.policy for one in self.study.experiments if one.number == number]
        return found[0] if found else None


def _line(brief: briefs.Brief, one: outcomes.Experiment) -> team.Line:
    ends = (0.0, 0.0, 0.0) if one.effect is None else (one.effect.estimate, one.effect.low, one.effect.high)
    observed, *interval = (brief.objective.improvement(end) for end in ends)
    return team.Line(
        number=one.number,
        title=one.title,
        hypothesis=one.hypothesis,
        addresses=one.addresses,
        predicted=one.predicted,
        observed=observed,
        low=min(interval),
        high=max(interval),
        p99_ratio=one.p99_ratio,
        cost=one.cost,
        finding=one.finding,
        kept=one.kept,
        policy=document.dumps(one.policy),
        parts=one.parts,
    )


def task(brief: briefs.Brief) -> tuple[str, ...]:
    """The question in sentences."""
    groups = ", ".join(
        f"{group.count} x {group.gpu} x{group.tensor_parallel} with {group.model} and {group.engine.num_blocks - 1} KV "
        f"blocks of {group.engine.block_size} tokens"
        for group in brief.fleet.groups
    )
    load = brief.workload
    verb = "Lower" if brief.objective.better == "lower" else "Raise"
    mean = f"{load.prompt_tokens.mean():.0f} prompt and {load.output_tokens.mean():.0f} output tokens each on average"
    tunes = brief.tunes if brief.fleet.autoscaler is not None else brief.tunes - {"autoscaler"}
    sentences = [
        f"Fleet {brief.fleet.name}: {groups}; the router's views are {brief.fleet.router.views}.",
        f"Workload {load.name}: {load.requests} requests in {load.duration_s:.0f} s, {mean}.",
        f"{verb} {brief.objective.name} against the policy {brief.baseline.name}.",
        f"What may change: {', '.join(sorted(tunes))}.",
    ]
    sentences += [f"'{constraint}' has to hold." for constraint in brief.constraints]
    if brief.rules.guard_tail:
        sentences.append("The p99 end-to-end time must not grow.")
    scaler = brief.fleet.autoscaler
    if scaler is not None:
        sentences.append(
            f"The fleet may have {scaler.min_replicas} to {scaler.max_replicas} replicas; a new one serves after "
            f"{scaler.startup_s:g} s; the autoscaler decides every {scaler.interval_s:g} s."
        )
    return tuple(sentences)


def traits(brief: briefs.Brief) -> frozenset[str]:
    """What the fleet and the workload give ideas to work on."""
    load = brief.workload
    kinds = {(group.gpu, group.model, group.tensor_parallel) for group in brief.fleet.groups}
    found = {
        "prefixes": brief.workload.has_prefixes,
        "mixed": len(kinds) > 1,
        "scales": brief.fleet.autoscaler is not None,
        "unstreamed": brief.fleet.clients.streaming_share < 1.0,
        "prefills": load.prompt_tokens.mean() > PREFILLS * load.output_tokens.mean(),
    }
    return frozenset(name for name, there in found.items() if there)


def admitted(research: Research, turn: team.Turn) -> document.Policy | str:
    """The policy that a proposal means, inside the brief; or the sentence that refuses it."""
    if len(turn.policy) > team.LONGEST_POLICY:
        return f"the policy has {len(turn.policy):,} characters; at most {team.LONGEST_POLICY:,} are read"
    try:
        return research.study.brief.confined(document.loads(turn.policy, place="the proposal"))
    except (faults.InputFault, ValueError) as refusal:
        return str(refusal)


def plan(turn: team.Turn, policy: document.Policy) -> laboratory.Plan:
    """The experiment that a proposal asks for, with the policy that it means."""
    return laboratory.Plan(
        title=turn.title or policy.name,
        hypothesis=turn.text,
        addresses=turn.addresses,
        policy=policy,
        predicted=turn.predicted,
        parts=turn.parts,
        wide=turn.wide,
    )

"""A study that went through everything a conversation can hold, told as an outcome."""

from __future__ import annotations

import dataclasses

from glia_operator.research import ablation, outcome, team
from glia_sim import effect
from glia_sim.policy import document

PROGRAM = document.dumps(document.load("hra-spf"))
CODE = "late = [one for one in requests if one.e2e_s > 60]\nprint(len(late))"
REFUSAL = "the proposal, line 4, column 1: 'import' is outside the language; write functions alone"
UNUSABLE = "the model answered in prose: 'I would rather write a poem'"
LONG = "Means of each slice. " + "\n".join(f"{k} to {k + 1} s: KV use {k % 90}%, held {k}" for k in range(40))
WHY = "Restarts persist: memory that looks free now is promised to what grows."
KEPT, DROPPED = "kept", "not kept"
ROWS = (
    ("memory headroom", "memory", 0.30, 0.05, -0.06, KEPT),
    ("shorter prompts first", "head-of-line", 0.20, 0.22, -0.20, KEPT),
    ("control: expert", "control", None, 0.10, -0.09, DROPPED),
    ("prefill backlog", "interference", 0.24, 0.225, -0.202, DROPPED),
    ("composition 1", "composition", 0.25, 0.30, -0.35, KEPT),
    ("a hasty idea", "memory", 0.32, -3.0, 2.0, DROPPED),
    ("the mean at any price", "memory", 0.33, 0.40, 0.10, DROPPED),
)
"""Title, what it addresses, expected and observed improvement, cost and fate of each experiment."""


def study(base: outcome.Outcome) -> outcome.Outcome:
    """The outcome `base` with this study's experiments, conversation and ablation; composition 1 is approved."""
    experiments = tuple(_experiment(number, *row) for number, row in enumerate(ROWS, start=1))
    said = _said(experiments)
    best = experiments[4].policy
    found = dataclasses.replace(
        base,
        best=best,
        improvement=0.3,
        interval=(0.25, 0.35),
        verdict=dataclasses.replace(base.verdict, approved=True, reasons=("held-out: fine",)),
        experiments=experiments,
        turns=tuple(turn for turn, _ in said),
        observations={place: answer for place, (_, answer) in enumerate(said) if answer},
        ablation=parts(best),
    )
    return dataclasses.replace(found, explanation=outcome.explain(found))


def silent(base: outcome.Outcome) -> outcome.Outcome:
    """The same without a conversation and without predictions, as a search finds it."""
    found = study(base)
    experiments = tuple(dataclasses.replace(one, predicted=None) for one in found.experiments)
    return dataclasses.replace(found, experiments=experiments, turns=(), observations={})


def parts(best: document.Policy) -> tuple[ablation.Without, ...]:
    """One part that helps, one that helps nothing, and one without which the exam would object."""
    rows = (("the order", 0.12, -0.10), ("the term queue", 0.31, -0.352), ("the room that stays free", 0.28, 3.1))
    return tuple(
        ablation.Without(
            part=part, improvement=gain, whole=0.31, cost=cost, whole_cost=-0.35, policy=_named(best, part)
        )
        for part, gain, cost in rows
    )


def _named(policy: document.Policy, part: str) -> document.Policy:
    router = f"# without {part}\ndef score(request, replica, fleet, p):\n    return {len(part)}\n"
    return document.Policy(name=policy.name, rationale=f"Without {part}.", router=router)


def _experiment(
    number: int, title: str, addresses: str, expected: float | None, observed: float, cost: float, fate: str
) -> outcome.Experiment:
    router = f"def score(request, replica, fleet, p):\n    return -replica.running * {number}\n"
    return outcome.Experiment(
        number=number,
        title=title,
        hypothesis=f"If {title}, then less waits.",
        addresses=addresses,
        policy=document.Policy(name=title.replace(" ", "-").replace(":", ""), rationale=f"{title}.", router=router),
        simulations=100 + number,
        effect=effect.Effect(
            metric="charged.e2e.mean",
            estimate=-observed,
            low=-observed - 0.02,
            high=-observed + 0.02,
            confidence=0.95,
            ratio=1 - observed,
            baseline=40.0,
            candidate=40.0 * (1 - observed),
            seeds=30,
        ),
        p99_ratio=1.0 - cost / 10,
        cost=cost,
        finding=f"mean-latency 40 -> {40 * (1 - observed):.4g} in experiment {number}: {fate}.",
        kept=fate == KEPT,
        predicted=expected,
        parts="",
    )


def _said(experiments: tuple[outcome.Experiment, ...]) -> list[tuple[team.Turn, str]]:
    first, second, control, fourth, fifth, sixth, seventh = experiments
    return [
        (_researcher("propose", "Load another program.", title="a program with an import", policy="import os"),
         f"refused: {REFUSAL}"),
        (_researcher("unusable", UNUSABLE), f"no usable answer: {UNUSABLE}"),
        _proposal("prefill everywhere", 0.1),
        (_supervisor("send-back", "This was tried under another name: what is new in it?"), ""),
        _proposal(first.title, 0.30),
        (_supervisor("approve", "Try it."), first.finding),
        _proposal(second.title, 0.20),
        (_supervisor("ask", "Experiment 1 did far less than expected. Why?", numbers=(1,)), ""),
        (_researcher("inspect", "Where did the time go?", numbers=(1,), sight="timeline"), LONG),
        (_researcher("analyse", CODE, numbers=(1,)), "17"),
        (_researcher("state", WHY, numbers=(1,)), ""),
        (_supervisor("approve", "Now shorter prompts first."), second.finding),
        (_researcher("rest", "Nothing is left against these bottlenecks."), ""),
        (_supervisor("demand", "A known policy must do worse.", title="control"), f"control expert: {control.finding}"),
        _proposal(fourth.title, 0.24),
        (_supervisor("approve", "Try the backlog."), fourth.finding),
        (_researcher("rest", "Nothing more."), ""),
        (_supervisor("demand", "What is a part worth?", title="ablation", numbers=(2,)), "without the order +12.0%."),
        (_researcher("state", "The order carries it.", numbers=(2,)), ""),
        (_supervisor("suggest", "Tune what came near together with what was kept.", title="compose", numbers=(4,)), ""),
        _proposal(fifth.title, 0.25),
        (_supervisor("approve", "Try them together."), fifth.finding),
        _proposal(sixth.title, 0.32),
        (_supervisor("unusable", "the endpoint timed out after 60 s"), sixth.finding),
        _proposal(seventh.title, 0.33),
        (_supervisor("approve", "Try it, the last one."), seventh.finding),
        (_researcher("rest", "That was all."), ""),
        (_supervisor("end", "To the exam."), ""),
    ]  # fmt: skip


def _proposal(title: str, predicted: float) -> tuple[team.Turn, str]:
    said = _researcher("propose", f"If {title}, then less waits.", title=title, policy=PROGRAM, predicted=predicted)
    return dataclasses.replace(said, addresses="memory"), ""


def _researcher(act: team.Act, text: str, **more: object) -> team.Turn:
    return dataclasses.replace(team.Turn(role="researcher", act=act, text=text), **more)


def _supervisor(act: team.Act, text: str, **more: object) -> team.Turn:
    return dataclasses.replace(team.Turn(role="supervisor", act=act, text=text), **more)

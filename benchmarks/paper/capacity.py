"""How many requests a second a policy carries while a constraint holds in every one of several trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_sim import score, trial
from glia_sim.engine import run as runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_sim import fleet as fleets
    from glia_sim import goal
    from glia_sim.policy import compile as programs
    from glia_sim.workload import trace

STEP = 0.01
"""Rates are told apart to so large a share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What has to hold, where, and under which load.

    Attributes:
        workload: one request a second; a trial at so many requests a second resamples it and runs it so much faster.
        constraint: over all requests, failed and never started ones charged the whole trial.
    """

    machines: fleets.Fleet
    workload: trace.Workload
    constraint: goal.Constraint


def play(question: Question, program: programs.Program, rate: float, seed: int) -> score.Record:
    """One trial: the arrivals of a seed at a rate."""
    one = trial.Trial(machines=question.machines, workload=question.workload, programs=(program,), seed=seed, load=rate)
    return trial.play(one, runs.simulate)[0]


def holds(question: Question, program: programs.Program, rate: float, seeds: Sequence[int]) -> bool:
    """Whether the constraint holds in every trial; the first in which it does not ends them."""
    return all(question.constraint.holds(score.pool([play(question, program, rate, seed)])) for seed in seeds)


def highest(
    question: Question, program: programs.Program, seeds: Sequence[int], *, low: float = 0.25, high: float = 32.0
) -> float:
    """The highest rate, to `STEP`, at which the constraint holds in every trial, by bisection.

    Args:
        question: what has to hold.
        program: the compiled policy.
        seeds: one for each trial.
        low: a rate that is worth asking about, requests a second.
        high: a rate at which it does not hold.

    Returns:
        The rate, or 0 where the constraint does not hold even at `low`.
    """
    if not holds(question, program, low, seeds):
        return 0.0
    while high > low * (1.0 + STEP):
        middle = (low * high) ** 0.5
        if holds(question, program, middle, seeds):
            low = middle
        else:
            high = middle
    return low

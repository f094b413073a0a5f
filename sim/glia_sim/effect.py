"""How much better one policy is than another, from runs paired by seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from glia_sim import score

    Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Relative change of a metric from baseline to candidate; -0.2 means a fifth less.

    Attributes:
        metric: dotted name in a `score.Scorecard`.
        estimate: mean over seeds of candidate / baseline - 1.
        low: lower end of the interval for `estimate`.
        high: upper end; with fewer than two seeds the interval is the whole line.
        confidence: of the interval.
        ratio: geometric mean over seeds of candidate / baseline.
        baseline: mean over seeds of the baseline's metric, in the metric's unit.
        candidate: mean over seeds of the candidate's metric.
        seeds: number of pairs.
    """

    metric: str
    estimate: float
    low: float
    high: float
    confidence: float
    ratio: float
    baseline: float
    candidate: float
    seeds: int


def compare(
    baseline: Sequence[score.Scorecard], candidate: Sequence[score.Scorecard], metric: str, *, seed: int
) -> Effect:
    """The effect on `metric`, cards being paired by position (same seed, same arrivals)."""
    old = np.array([card.value(metric) for card in baseline])
    new = np.array([card.value(metric) for card in candidate])
    return paired(old, new, metric, seed=seed)


def paired(old: Floats, new: Floats, metric: str, *, seed: int) -> Effect:
    """The effect from the metric's values [seeds] under the baseline and under the candidate.

    The interval is a bias-corrected and accelerated bootstrap over seeds (Efron 1987); `seed` seeds its generator.
    A pair whose baseline is 0 counts as no change where the candidate is 0 too; otherwise, and wherever a value is not
    finite, nothing is claimed: the interval is the whole line.
    """
    if len(old) != len(new) or not len(old):
        raise ValueError(f"{len(old)} baseline values and {len(new)} candidate values do not pair")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where((old == 0) & (new == 0), 1.0, new / old)
        ratio = float(np.exp(np.log(ratios).mean()))
    changes = ratios - 1.0
    low, high = _interval(changes, seed)
    return Effect(
        metric=metric,
        estimate=float(changes.mean()),
        low=low,
        high=high,
        confidence=CONFIDENCE,
        ratio=ratio,
        baseline=float(old.mean()),
        candidate=float(new.mean()),
        seeds=len(old),
    )


def _interval(changes: Floats, seed: int) -> tuple[float, float]:
    if len(changes) < 2 or not np.isfinite(changes).all():  # noqa: PLR2004 - one value has no spread
        return -math.inf, math.inf
    if np.ptp(changes) == 0:
        return float(changes[0]), float(changes[0])
    chance = np.random.Generator(np.random.PCG64DXSM(seed))
    rows = chance.integers(0, len(changes), (RESAMPLES, len(changes)))
    means = changes[rows].mean(axis=1)
    low, high = np.quantile(means, _levels(changes, means)).tolist()
    return low, high


def _levels(changes: Floats, means: Floats) -> Floats:
    """Which quantiles of the bootstrap means bound the interval, corrected for bias and skew."""
    estimate = changes.mean()
    below = np.count_nonzero(means < estimate) + np.count_nonzero(means == estimate) / 2
    bias = special.ndtri(np.clip(below / RESAMPLES, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    left_out = (changes.sum() - changes) / (len(changes) - 1)
    spread = left_out.mean() - left_out
    acceleration = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    normal = special.ndtri(np.array([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
    levels: Floats = special.ndtr(bias + (bias + normal) / (1 - acceleration * (bias + normal)))
    return levels

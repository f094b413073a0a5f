"""Distributions of prompt and output lengths, drawn by inverse transform; docs/traces.md shows their statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Quantile function that is linear in the logarithm between `levels` (0 first, 1 last) and their `tokens`."""

    levels: tuple[float, ...]
    tokens: tuple[int, ...]

    def draw(self, chance: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
        """`count` independent lengths, rounded to whole tokens."""
        logs = np.interp(chance.random(count), self.levels, np.log(self.tokens))
        whole: npt.NDArray[np.int64] = np.rint(np.exp(logs)).astype(np.int64)
        return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class LogNormal:
    """exp(log(median) + sigma * normal), rounded and clipped to `lowest` ... `highest`."""

    median: float
    sigma: float
    lowest: int
    highest: int

    def draw(self, chance: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
        """`count` independent lengths, in whole tokens."""
        raw = np.rint(self.median * np.exp(self.sigma * chance.standard_normal(count)))
        return np.clip(raw, self.lowest, self.highest).astype(np.int64)


# fmt: off
LEVELS = (
    0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925,
    0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.993, 0.999, 1,
)

SHAREGPT_PROMPT = Quantiles(
    levels=LEVELS,
    tokens=(
        43, 44, 47, 50, 54, 58, 64, 76, 105, 157, 212, 307, 466, 834, 1070,
        1392, 1603, 1897, 2395, 2845, 3195, 3572, 3992, 4096,
    ),
)
"""ShareGPT first turns with 42 system-prompt tokens; one in twenty is up to ten times as long, at most 4096."""

SHAREGPT_OUTPUT = Quantiles(
    levels=LEVELS,
    tokens=(
        1, 9, 18, 35, 91, 144, 197, 243, 296, 356, 394, 443, 508, 628, 729,
        769, 792, 1860, 2646, 3104, 3929, 4096, 4096, 4096,
    ),
)
"""ShareGPT replies; one in twenty is up to ten times as long, at most 4096. They say nothing about the prompt."""

CONVERSATION_PROMPT = Quantiles(
    levels=LEVELS,
    tokens=(
        2, 104, 181, 209, 388, 405, 734, 1017, 1071, 1130, 1192, 1317, 1925, 2719, 3976,
        4034, 4044, 4049, 4055, 4058, 4062, 4064, 4070, 4079,
    ),
)
"""Prompts of a production conversation service, history included."""

CONVERSATION_OUTPUT = Quantiles(
    levels=LEVELS,
    tokens=(
        10, 18, 42, 53, 77, 91, 102, 128, 174, 383, 396, 400, 411, 426, 431,
        453, 478, 516, 544, 569, 607, 622, 958, 1000,
    ),
)
"""Replies of that service."""

# fmt: on
DOCUMENT_PROMPT = LogNormal(median=3000, sigma=0.7, lowest=64, highest=16384)
SHORT_ANSWER = LogNormal(median=80, sigma=0.8, lowest=1, highest=1024)
QUESTION = LogNormal(median=150, sigma=1.0, lowest=8, highest=4096)

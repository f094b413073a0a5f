"""Tokens without a model: how text falls into them, what blocks of them hash to, and what an answer consists of.

A token is up to four letters with the white space before them, or one white space: English comes out at about 3.7
characters per token. Everything an answer holds follows from the seed and the request's id.
"""

from __future__ import annotations

import array
import hashlib
import math
import re
import statistics
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from glia_operator.emulator import schema

_TOKEN = re.compile(r"\s?\S{1,4}|\s")
_WORDS = (
    " able acid aged also area army away baby back ball band bank base bath bear beat been beer bell belt best bill"
    " bird blow blue boat body bomb bond bone book boom born boss both bowl bulk burn bush busy call calm came camp"
    " card care case cash cast cell chat chip city club coal coat code cold come cook cool cope copy core cost crew"
)
ANSWERS = tuple(_TOKEN.findall(_WORDS))
"""Texts of the tokens that answers are made of; each falls into one token again."""
FIRST_ID = 1000
"""Id of the first of them."""
_STRIDE = 61  # coprime to the number of answers, so that neighbours differ

Prompt = tuple[str, ...] | tuple[int, ...]


def split(text: str) -> tuple[str, ...]:
    """The tokens of a text; joined they are the text."""
    return tuple(_TOKEN.findall(text))


def joined(prompt: Prompt) -> str:
    """A prompt as text, for an echo."""
    return "".join(str(token) for token in prompt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Text and length of one answer; `start` picks its words, `wanted` is where it stops by itself."""

    start: int
    wanted: int

    def text(self, first: int, last: int) -> str:
        """Text of tokens first..last-1."""
        return "".join(ANSWERS[(self.start + k * _STRIDE) % len(ANSWERS)] for k in range(first, last))

    def ids(self, first: int, last: int) -> list[int]:
        """Ids of tokens first..last-1."""
        return [FIRST_ID + (self.start + k * _STRIDE) % len(ANSWERS) for k in range(first, last)]


def answer(request_id: str, outputs: schema.OutputsSection) -> Answer:
    """What the seed and the id decide: a log-normal length, rounded and clipped, and where the words begin."""
    digest = hashlib.blake2b(f"{outputs.seed}:{request_id}".encode(), digest_size=16).digest()
    first, second = struct.unpack("<QQ", digest)
    normal = statistics.NormalDist().inv_cdf((first + 0.5) / 2.0**64) if 0 < first < 2**64 - 1024 else 0.0
    length = round(outputs.median * math.exp(outputs.sigma * normal))
    return Answer(start=second % len(ANSWERS), wanted=min(max(length, outputs.lowest), outputs.highest))


def content(prompt: Prompt, reply: Answer, output_tokens: int, block_size: int) -> npt.NDArray[np.int64]:
    """Ids of the whole blocks of prompt and answer; each stands for its block and for all before it."""
    if isinstance(prompt[0], str):
        pieces = [*map(str, prompt), *_TOKEN.findall(reply.text(0, output_tokens))]
        texts = ("\x1f".join(pieces[first:last]) for first, last in _whole(len(pieces), block_size))
        blocks = [text.encode("utf-8", "surrogatepass") for text in texts]
        return _chained(b"text", blocks)
    ids = array.array("q", (*map(int, prompt), *reply.ids(0, output_tokens)))
    return _chained(b"ids", [ids[first:last].tobytes() for first, last in _whole(len(ids), block_size)])


def _whole(count: int, size: int) -> list[tuple[int, int]]:
    """Where the whole blocks among `count` tokens begin and end."""
    return [(first, first + size) for first in range(0, count - size + 1, size)]


def _chained(start: bytes, blocks: Sequence[bytes]) -> npt.NDArray[np.int64]:
    ids = np.zeros(len(blocks), np.int64)
    before = start
    for k, block in enumerate(blocks):
        before = hashlib.blake2b(before + block, digest_size=8).digest()
        ids[k] = int.from_bytes(before, "little") >> 1
    return ids

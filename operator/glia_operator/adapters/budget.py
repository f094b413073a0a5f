"""What a study may spend on its model."""

from __future__ import annotations

from dataclasses import dataclass

from glia_sim import faults

MILLION = 1_000_000
TOKENS = 2_000_000
ANSWER_TOKENS = 8_000
LEAST_ANSWER_TOKENS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a study may spend on its model.

    Attributes:
        tokens: read and written together.
        answer: tokens that one answer may have.
        cost: in the currency of the prices; None for no limit.
        read_price: of a million tokens that the model reads.
        write_price: of a million tokens that it writes.
    """

    tokens: int = TOKENS
    answer: int = ANSWER_TOKENS
    cost: float | None = None
    read_price: float = 0.0
    write_price: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a budget that allows nothing."""
        if self.tokens < 1 or (self.cost is not None and not self.cost > 0):
            raise faults.InputFault("the model's budget of tokens and of money must be above 0")
        if self.answer < LEAST_ANSWER_TOKENS:
            raise faults.InputFault(f"the tokens of one answer must be at least {LEAST_ANSWER_TOKENS}")
        if not (self.read_price >= 0 and self.write_price >= 0):
            raise faults.InputFault("the model's prices must be 0 or above")
        if self.cost is not None and self.read_price + self.write_price == 0:
            raise faults.InputFault("a budget of money needs the model's prices per million tokens")

    def answer_tokens(self, spent: tuple[int, int], coming: int) -> int:
        """Tokens that the next answer may have, after what is spent and a request of `coming` tokens."""
        left = float(self.tokens - sum(spent) - coming)
        if self.cost is not None and self.write_price > 0:
            left = min(left, (self.cost - self.price((spent[0] + coming, spent[1]))) * MILLION / self.write_price)
        elif self.cost is not None and self.price((spent[0] + coming, spent[1])) >= self.cost:
            left = 0.0
        return max(min(int(left), self.answer), 0)

    def price(self, spent: tuple[int, int]) -> float:
        """What so many tokens cost."""
        return (spent[0] * self.read_price + spent[1] * self.write_price) / MILLION

    def told(self, spent: tuple[int, int]) -> str:
        """What is spent of what may be, in words."""
        money = "" if self.cost is None else f", and {self.price(spent):.2f} of {self.cost:.2f} in money"
        return f"{sum(spent):,} of {self.tokens:,} tokens are spent{money}"

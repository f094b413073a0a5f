"""Orders in which held requests never pass each other: what ages, ages alike.

Where `order` is a part that never changes while a request is held plus `waited_s` times something that only parameters
make up, the difference between two requests' keys is constant. A queue of such an order is kept in place instead of
being ranked anew in every pass.
"""

from __future__ import annotations

from typing import Literal

from glia_sim.policy import tree

STATIC = frozenset({"prompt_tokens", "sequence", "u1", "u2"})
"""Fields of a request that never change while it is held."""
LARGE = 1e9
"""Constants beyond this could swallow the wait in rounding."""

_Kind = Literal["parameters", "still", "ages", "other"]


def is_still(views: frozenset[str]) -> bool:
    """Whether an order that reads these views never changes while a request is held."""
    return views <= {f"request.{name}" for name in STATIC}


def is_steady(order: tree.Function) -> bool:
    """Whether `order` is a sum of a still part and `waited_s` times a parameter-only factor, in one expression."""
    if len(order.body) != 1 or not isinstance(order.body[0], tree.Return):
        return False
    return _kind(order.body[0].value) == "ages"


def _kind(expression: tree.Expression) -> _Kind:
    match expression:
        case tree.Number():
            return "parameters" if abs(expression.value) <= LARGE else "other"
        case tree.Member():
            return _member(expression)
        case tree.Negative():
            return _kind(expression.operand)
        case tree.Arithmetic():
            return _arithmetic(expression.operator, _kind(expression.left), _kind(expression.right))
        case tree.Call():
            return _rigid([_kind(argument) for argument in expression.arguments])
        case _:
            return "other"


def _member(member: tree.Member) -> _Kind:
    if member.owner == "p":
        return "parameters"
    if member.owner == "request" and member.name == "waited_s":
        return "ages"
    return "still" if member.owner == "request" and member.name in STATIC else "other"


def _arithmetic(operator: str, left: _Kind, right: _Kind) -> _Kind:
    if "ages" not in (left, right) or "other" in (left, right):
        return _rigid([left, right])
    if operator in ("+", "-"):
        return "ages"
    if operator == "*" and "parameters" in (left, right):
        return "ages"
    return "ages" if operator == "/" and right == "parameters" else "other"


def _rigid(kinds: list[_Kind]) -> _Kind:
    """Kind of an operation that only keeps what does not age."""
    if all(kind == "parameters" for kind in kinds):
        return "parameters"
    return "still" if all(kind in ("parameters", "still") for kind in kinds) else "other"

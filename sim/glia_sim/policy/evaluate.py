"""Expressions in plain Python floats: each becomes a closure over the scope of one call."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glia_sim import faults
from glia_sim.policy import fields, tree

View = Mapping[str, float]
Views = Sequence[View]
Owners = dict[str, View]

SKIP = -math.inf
BLOCK = math.inf


@dataclass(slots=True, kw_only=True)
class Scope:
    """What one call sees: views by the names the program uses (loops add their replica), and its variables."""

    owners: Owners
    replicas: Views
    variables: dict[str, Any] = field(default_factory=dict)


Evaluate = Callable[[Scope], Any]
"""Computes a number or a condition."""


def evaluator(expression: tree.Expression) -> Evaluate:
    match expression:
        case tree.Number() | tree.Truth():
            return functools.partial(_constant, expression.value)
        case tree.Answer():
            return functools.partial(_constant, SKIP if expression.name == "SKIP" else BLOCK)
        case tree.Name():
            return _name(expression.name)
        case tree.Member():
            return _member(expression)
        case tree.Arithmetic():
            return _arithmetic(expression)
        case _:
            return _compound(expression)


def _constant(value: float, scope: Scope) -> float:
    del scope
    return value


def _name(name: str) -> Evaluate:
    if name in fields.GPU_CLASSES:
        return functools.partial(_constant, fields.GPU_CLASSES[name])
    return lambda scope: scope.variables[name]


def _member(member: tree.Member) -> Evaluate:
    owner, name, at = member.owner, member.name, member.at

    def read(scope: Scope) -> float:
        return _finite(float(scope.owners[owner][name]), f"{owner}.{name} is not a finite number", at)

    return read


def _finite(value: float, what: str, at: tree.At) -> float:
    if not math.isfinite(value):
        raise faults.PolicyFault(what, line=at.line, column=at.column)
    return value


_OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def _arithmetic(expression: tree.Arithmetic) -> Evaluate:
    left, right, at = evaluator(expression.left), evaluator(expression.right), expression.at
    operate = _OPERATORS[expression.operator]
    what = f"the result of {expression.operator} is too large for a 64-bit float"

    def compute(scope: Scope) -> float:
        a, b = left(scope), right(scope)
        try:
            return _finite(operate(a, b), what, at)
        except ZeroDivisionError:
            raise faults.PolicyFault("division by zero", line=at.line, column=at.column) from None

    return compute


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def _compound(expression: tree.Expression) -> Evaluate:
    operands = tuple(evaluator(child) for child in tree.children(expression))
    match expression:
        case tree.Negative() | tree.Not():
            operate = operator.neg if isinstance(expression, tree.Negative) else operator.not_
            return lambda scope: operate(operands[0](scope))
        case tree.Logic():
            decide = all if expression.operator == "and" else any
            return lambda scope: decide(operand(scope) for operand in operands)
        case tree.Choice():
            test, yes, no = operands
            return lambda scope: yes(scope) if test(scope) else no(scope)
        case tree.Comparison():
            return _comparison(expression, operands)
        case tree.Call():
            return _call(expression, operands)
    raise AssertionError(expression)


def _comparison(expression: tree.Comparison, operands: tuple[Evaluate, ...]) -> Evaluate:
    first, pairs = (
        operands[0],
        tuple(zip([_COMPARISONS[one] for one in expression.operators], operands[1:], strict=True)),
    )

    def compare(scope: Scope) -> bool:
        left = first(scope)
        for holds, operand in pairs:
            right = operand(scope)
            if not holds(left, right):
                return False
            left = right
        return True

    return compare


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


_CALLS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "floor": lambda value: float(math.floor(value)),
    "ceil": lambda value: float(math.ceil(value)),
    "exp": _exp,
    "log": lambda value: math.log(value) if value > 0.0 else math.nan,
    "sqrt": lambda value: math.sqrt(value) if value >= 0.0 else math.nan,
}


def _call(expression: tree.Call, operands: tuple[Evaluate, ...]) -> Evaluate:
    function, at = _CALLS[expression.function], expression.at

    def compute(scope: Scope) -> float:
        arguments = [operand(scope) for operand in operands]
        value = function(*arguments)
        if not math.isfinite(value):
            shown = ", ".join(f"{argument:g}" for argument in arguments)
            what = f"{expression.function}({shown}) has no finite result"
            raise faults.PolicyFault(what, line=at.line, column=at.column)
        return value

    return compute

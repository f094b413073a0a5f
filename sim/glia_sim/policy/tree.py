"""The tree of a checked program: what `parse` builds, `check` judges, and `compile`, `interpret` and `render` walk.

Positions do not take part in equality, so that two texts that mean the same have equal trees.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class At(NamedTuple):
    """A position in a program's text; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    value: float
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    value: bool
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A local variable, or a GPU class."""

    name: str
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """`owner.name`: a parameter (owner `p`), or a field of a view (owner `request`, `fleet` or a replica)."""

    owner: str
    name: str
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """`left operator right`, operator one of `+ - * / // %`."""

    operator: str
    left: Expression
    right: Expression
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative:
    operand: Expression
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    operand: Expression
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logic:
    """Operands joined by `and`, or by `or`; evaluation stops at the first that decides."""

    operator: str
    operands: tuple[Expression, ...]
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`operands[0] operators[0] operands[1] operators[1] ...`: every neighbouring pair holds."""

    operands: tuple[Expression, ...]
    operators: tuple[str, ...]
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`yes if test else no`."""

    test: Expression
    yes: Expression
    no: Expression
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`function(arguments)`, function one of `FUNCTIONS`."""

    function: str
    arguments: tuple[Expression, ...]
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`SKIP` or `BLOCK`, where a score is returned."""

    name: str
    at: At = field(compare=False)


Expression = Number | Truth | Name | Member | Arithmetic | Negative | Not | Logic | Comparison | Choice | Call | Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """`name = value`, or `name operator= value` when there is an operator."""

    name: str
    operator: str | None
    value: Expression
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class If:
    """`elif` is an `If` alone in `otherwise`."""

    test: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """`for variable in fleet.replicas`."""

    variable: str
    body: tuple[Statement, ...]
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    value: Expression
    at: At = field(compare=False)


Statement = Assignment | If | Loop | Return


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One of the functions of `SIGNATURES`; `doc` is its docstring."""

    name: str
    doc: str | None
    body: tuple[Statement, ...]
    at: At = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What one text defines, in the order of the text."""

    functions: tuple[Function, ...]

    def function(self, name: str) -> Function | None:
        return next((function for function in self.functions if function.name == name), None)


FUNCTIONS = {"min": 2, "max": 2, "abs": 1, "floor": 1, "ceil": 1, "exp": 1, "log": 1, "sqrt": 1}
"""Each function of the language and how many arguments it takes; `min` and `max` take more as well."""

SIGNATURES = {
    "order": ("request", "fleet", "p"),
    "score": ("request", "replica", "fleet", "p"),
    "priority": ("request", "fleet", "p"),
    "replicas": ("fleet", "p"),
}
"""Parameters of every function that a program may define."""

PROGRAMS = {"router": ("order", "score"), "scheduler": ("priority",), "autoscaler": ("replicas",)}
"""The functions that each program of a policy may define."""

REQUIRED = {"router": "score", "scheduler": "priority", "autoscaler": "replicas"}
"""The function that each program has to define."""


def children(expression: Expression) -> tuple[Expression, ...]:
    """Operands of an expression, in the order of evaluation by Python."""
    match expression:
        case Arithmetic():
            return (expression.left, expression.right)
        case Negative() | Not():
            return (expression.operand,)
        case Logic() | Comparison():
            return expression.operands
        case Choice():
            return (expression.test, expression.yes, expression.no)
        case Call():
            return expression.arguments
        case _:
            return ()


def expressions(body: tuple[Statement, ...]) -> tuple[Expression, ...]:
    """Every expression below these statements, operands included."""
    found: list[Expression] = []
    for statement in body:
        match statement:
            case If():
                found.extend(_below(statement.test))
                found.extend(expressions(statement.then))
                found.extend(expressions(statement.otherwise))
            case Loop():
                found.extend(expressions(statement.body))
            case Assignment() | Return():
                found.extend(_below(statement.value))
    return tuple(found)


def _below(expression: Expression) -> list[Expression]:
    found = [expression]
    for child in children(expression):
        found.extend(_below(child))
    return found

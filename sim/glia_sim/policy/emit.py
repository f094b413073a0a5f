"""Tree to the source of a module that numba compiles: one entry point per function of a policy."""

from __future__ import annotations

from glia_sim.policy import fields, tree

CODE_LINE = 1000
"""A fault's code is line * CODE_LINE + column; no line of a program is longer."""

_ARITHMETIC = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "//": "floor_divide",
    "%": "modulo",
}
_FREE_CALLS = {"min": "smaller", "max": "larger", "abs": "abs", "floor": "floor", "ceil": "ceil"}
"""Functions whose result is finite for every finite argument; the others take the fault as well."""

_HEAD = """\
# Written by glia_sim.policy.emit. The name of this file is the digest of its content.
import numba
from numba import f8, i8

from glia_sim.policy.primitives import (
    BLOCK, SKIP, add, ceil, divide, exp, finite, floor, floor_divide,
    larger, log, modulo, multiply, smaller, sqrt, subtract,
)


@numba.njit(error_model="numpy")
def one(request, replicas, row, fleet, p, fault):
    rows = min(int(fleet[{rows}]), replicas.shape[0])
"""

_NUMBER_ENTRY = """

@numba.cfunc(f8(f8[::1], f8[:, ::1], i8, f8[::1], f8[::1], i8[::1]), cache=True)
def entry(request, replicas, n, fleet, p, fault):
    return one(request, replicas, 0, fleet, p, fault)
"""

_SCORE_ENTRY = """

@numba.cfunc(numba.void(f8[::1], f8[:, ::1], i8, f8[::1], f8[::1], f8[::1], i8[::1]), cache=True)
def entry(request, replicas, n, fleet, p, scores, fault):
    for row in range(n):
        scores[row] = one(request, replicas, row, fleet, p, fault)
"""


def module(function: tree.Function, parameters: tuple[str, ...]) -> str:
    """Source of a module whose `entry` is the function as a numba cfunc.

    Args:
        function: checked.
        parameters: names in the order of the vector `p`.
    """
    head = _HEAD.format(rows=fields.ROWS)
    body = "\n".join(_Writer(parameters).body(function.body, "    "))
    return head + body + "\n" + (_SCORE_ENTRY if function.name == "score" else _NUMBER_ENTRY)


class _Writer:
    """Writes one function; `replica` outside a loop is the row that is being scored."""

    def __init__(self, parameters: tuple[str, ...]) -> None:
        self._columns = {name: column for column, name in enumerate(parameters)}
        self._rows = {"replica": "row"}

    def body(self, statements: tuple[tree.Statement, ...], indent: str) -> list[str]:
        return [line for statement in statements for line in self._statement(statement, indent)]

    def _statement(self, statement: tree.Statement, indent: str) -> list[str]:
        inner = indent + "    "
        match statement:
            case tree.Assignment():
                return [f"{indent}v_{statement.name} = {self._assigned(statement)}"]
            case tree.Return():
                return [f"{indent}return {self._text(statement.value)}"]
            case tree.If():
                lines = [f"{indent}if {self._text(statement.test)}:", *self.body(statement.then, inner)]
                if statement.otherwise:
                    lines += [f"{indent}else:", *self.body(statement.otherwise, inner)]
                return lines
            case tree.Loop():
                self._rows[statement.variable] = f"r_{statement.variable}"
                return [f"{indent}for r_{statement.variable} in range(rows):", *self.body(statement.body, inner)]

    def _assigned(self, statement: tree.Assignment) -> str:
        value = self._text(statement.value)
        if statement.operator is None:
            return value
        return self._checked(_ARITHMETIC[statement.operator], f"v_{statement.name}, {value}", statement.at)

    def _checked(self, primitive: str, operands: str, at: tree.At) -> str:
        return f"{primitive}({operands}, fault, {at.line * CODE_LINE + at.column})"

    def _member(self, member: tree.Member) -> str:
        if member.owner == "p":
            return f"p[{self._columns[member.name]}]"
        if member.owner in {"request", "fleet"}:
            columns = fields.REQUEST_COLUMNS if member.owner == "request" else fields.FLEET_COLUMNS
            cell = f"{member.owner}[{columns[member.name]}]"
        else:
            cell = f"replicas[{self._rows[member.owner]}, {fields.REPLICA_COLUMNS[member.name]}]"
        return self._checked("finite", cell, member.at)

    def _call(self, call: tree.Call, arguments: list[str]) -> str:
        free = _FREE_CALLS.get(call.function)
        if free is None:
            return self._checked(call.function, arguments[0], call.at)
        text = arguments[0]
        for argument in arguments[1:]:
            text = f"{free}({text}, {argument})"
        return text if len(arguments) > 1 else f"{free}({text})"

    def _text(self, expression: tree.Expression) -> str:
        match expression:
            case tree.Number():
                return repr(expression.value)
            case tree.Truth():
                return str(expression.value)
            case tree.Answer():
                return expression.name
            case tree.Name():
                gpu = fields.GPU_CLASSES.get(expression.name)
                return f"v_{expression.name}" if gpu is None else repr(gpu)
            case tree.Member():
                return self._member(expression)
            case _:
                return self._operation(expression)

    def _operation(self, expression: tree.Expression) -> str:
        texts = [self._text(child) for child in tree.children(expression)]
        match expression:
            case tree.Call():
                return self._call(expression, texts)
            case tree.Arithmetic():
                return self._checked(_ARITHMETIC[expression.operator], ", ".join(texts), expression.at)
            case tree.Negative():
                return f"(-{texts[0]})"
            case _:
                return f"({_condition(expression, texts)})"


def _condition(expression: tree.Expression, texts: list[str]) -> str:
    match expression:
        case tree.Not():
            return f"not {texts[0]}"
        case tree.Logic():
            return f" {expression.operator} ".join(texts)
        case tree.Comparison():
            pairs = zip(expression.operators, texts[1:], strict=True)
            return texts[0] + "".join(f" {operator} {text}" for operator, text in pairs)
        case _:
            test, yes, no = texts
            return f"{yes} if {test} else {no}"

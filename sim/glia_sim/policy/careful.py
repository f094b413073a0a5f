"""Writes a function with every operation checked where it stands, so that the first fault is known by its place."""

from __future__ import annotations

from glia_sim.policy import tree, writing

CODE_LINE = 1000
"""A fault's code is line * CODE_LINE + column; no line of a program is longer."""

_RISKY_CALLS = {"exp", "log", "sqrt"}
"""Calls whose result may not be finite for finite arguments."""


class Writer:
    """Lines of a body that may use `request`, `replicas`, `row_replica`, `rows`, `fleet`, `p` and `fault`."""

    def __init__(self, parameters: tuple[str, ...]) -> None:
        self._names = writing.Names(parameters)

    def body(self, statements: tuple[tree.Statement, ...], indent: str) -> list[str]:
        return [line for statement in statements for line in self._statement(statement, indent)]

    def _statement(self, statement: tree.Statement, indent: str) -> list[str]:
        inner = indent + "    "
        match statement:
            case tree.Assignment():
                return [f"{indent}{writing.variable(statement.name)} = {self._assigned(statement)}"]
            case tree.Return():
                return [f"{indent}return {self._text(statement.value)}"]
            case tree.If():
                lines = [f"{indent}if {self._text(statement.test)}:", *self.body(statement.then, inner)]
                if statement.otherwise:
                    lines += [f"{indent}else:", *self.body(statement.otherwise, inner)]
                return lines
            case tree.Loop():
                row = writing.row(statement.variable)
                return [f"{indent}for {row} in range(rows):", *self.body(statement.body, inner)]

    def _assigned(self, statement: tree.Assignment) -> str:
        value = self._text(statement.value)
        if statement.operator is None:
            return value
        name = writing.variable(statement.name)
        return _finite(writing.arithmetic(statement.operator, name, value), statement.at)

    def _text(self, expression: tree.Expression) -> str:
        texts = [self._text(child) for child in tree.children(expression)]
        match expression:
            case tree.Arithmetic():
                return _finite(writing.arithmetic(expression.operator, *texts), expression.at)
            case tree.Call():
                text = writing.call(expression.function, texts)
                return _finite(text, expression.at) if expression.function in _RISKY_CALLS else text
            case tree.Negative():
                return f"(-{texts[0]})"
            case tree.Not() | tree.Logic() | tree.Comparison() | tree.Choice():
                return f"({_condition(expression, texts)})"
            case _:
                text = self._names.leaf(expression)
                return _finite_cell(text, expression.at) if writing.reads_field(expression) else text


def _finite(text: str, at: tree.At) -> str:
    return f"finite({text}, fault, {_code(at)})"


def _finite_cell(cell: str, at: tree.At) -> str:
    return f"finite_{cell.removesuffix(')')}, fault, {_code(at)})"


def _code(at: tree.At) -> int:
    return at.line * CODE_LINE + at.column


def _condition(expression: tree.Not | tree.Logic | tree.Comparison | tree.Choice, texts: list[str]) -> str:
    match expression:
        case tree.Not():
            return f"not {texts[0]}"
        case tree.Logic():
            return f" {expression.operator} ".join(texts)
        case tree.Comparison():
            pairs = zip(expression.operators, texts[1:], strict=True)
            return texts[0] + "".join(f" {operator} {text}" for operator, text in pairs)
        case tree.Choice():
            test, yes, no = texts
            return f"{yes} if {test} else {no}"

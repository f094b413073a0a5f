"""Tree to text: the canonical form of a program, such that `parse(render(tree)) == tree`."""

from __future__ import annotations

from glia_sim.policy import phrases, tree

_LOOSEST, _OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _SIGN, _TIGHTEST = range(9)

_OPERATOR_STRENGTH = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "//": _PRODUCT, "%": _PRODUCT}

_WHOLE = 1e16
"""Below this, every whole float is written as an integer."""


def render(program: tree.Program) -> str:
    """The program's text, with two blank lines between functions and a newline at the end."""
    return "\n\n\n".join("\n".join(function(one)) for one in program.functions) + "\n"


def function(one: tree.Function) -> list[str]:
    """Lines of one function's definition."""
    lines = [f"{phrases.signature(one.name)}:"]
    if one.doc is not None:
        lines.append(f'    """{_escaped(one.doc)}"""')
    return lines + _body(one.body, "    ")


def expression(one: tree.Expression) -> str:
    """Text of an expression, with the parentheses it needs and no others."""
    return _text(one)[0]


def _escaped(doc: str) -> str:
    return doc.replace("\\", "\\\\").replace('"', '\\"')


def _body(statements: tuple[tree.Statement, ...], indent: str) -> list[str]:
    return [line for statement in statements for line in _statement(statement, indent)]


def _statement(statement: tree.Statement, indent: str) -> list[str]:
    match statement:
        case tree.Assignment():
            return [f"{indent}{statement.name} {statement.operator or ''}= {expression(statement.value)}"]
        case tree.Return():
            return [f"{indent}return {expression(statement.value)}"]
        case tree.Loop():
            head = f"{indent}for {statement.variable} in fleet.replicas:"
            return [head, *_body(statement.body, indent + "    ")]
        case tree.If():
            return _branches(statement, indent, "if")


def _branches(statement: tree.If, indent: str, word: str) -> list[str]:
    inner = indent + "    "
    lines = [f"{indent}{word} {expression(statement.test)}:", *_body(statement.then, inner)]
    match statement.otherwise:
        case ():
            return lines
        case (tree.If() as only,):
            return lines + _branches(only, indent, "elif")
        case otherwise:
            return [*lines, f"{indent}else:", *_body(otherwise, inner)]


def number(value: float) -> str:
    """Shortest text that reads back as this non-negative float."""
    return str(int(value)) if value < _WHOLE and value == int(value) else repr(value)


def _text(one: tree.Expression) -> tuple[str, int]:
    """Text of an expression and how tightly it binds."""
    match one:
        case tree.Number():
            return number(one.value), _TIGHTEST
        case tree.Truth():
            return str(one.value), _TIGHTEST
        case tree.Name() | tree.Answer():
            return one.name, _TIGHTEST
        case tree.Member():
            return f"{one.owner}.{one.name}", _TIGHTEST
        case tree.Call():
            return f"{one.function}({', '.join(expression(argument) for argument in one.arguments)})", _TIGHTEST
        case _:
            return _operation(one)


def _operation(
    one: tree.Arithmetic | tree.Negative | tree.Not | tree.Logic | tree.Comparison | tree.Choice,
) -> tuple[str, int]:
    match one:
        case tree.Arithmetic():
            strength = _OPERATOR_STRENGTH[one.operator]
            return f"{_at_least(one.left, strength)} {one.operator} {_at_least(one.right, strength + 1)}", strength
        case tree.Negative():
            return f"-{_at_least(one.operand, _SIGN)}", _SIGN
        case tree.Not():
            return f"not {_at_least(one.operand, _NOT)}", _NOT
        case tree.Logic():
            strength = _AND if one.operator == "and" else _OR
            return f" {one.operator} ".join(_at_least(operand, strength + 1) for operand in one.operands), strength
        case tree.Comparison():
            return _comparison(one), _COMPARISON
        case tree.Choice():
            yes, test = _at_least(one.yes, _OR), _at_least(one.test, _OR)
            return f"{yes} if {test} else {_at_least(one.no, _LOOSEST)}", _LOOSEST


def _comparison(one: tree.Comparison) -> str:
    text = _at_least(one.operands[0], _SUM)
    for operator, operand in zip(one.operators, one.operands[1:], strict=True):
        text += f" {operator} {_at_least(operand, _SUM)}"
    return text


def _at_least(one: tree.Expression, strength: int) -> str:
    text, own = _text(one)
    return text if own >= strength else f"({text})"

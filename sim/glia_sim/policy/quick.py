"""Writes a function so that it runs fast over many replicas: it only notes THAT something was not finite.

The body computes without branches around operations, and adds `value * 0.0` to `poison` where a value that is not
finite could vanish: at a comparison, a divisor, an argument of min, an assignment, a return. Everywhere else infinity
and NaN carry on into the next value. `poison` is 0.0 exactly when the careful body meets no fault, and then both agree.
What stands behind `and`, `or` or in one branch of a conditional expression is computed always, but poisons only
when it would have been evaluated.
"""

from __future__ import annotations

from glia_sim.policy import tree, writing

_ALWAYS = ""
_CARRYING_CALLS = {"abs", "floor", "ceil", "log", "sqrt"}
"""Calls whose result is not finite when their argument is not."""


class Writer:
    """Lines of a body that may use `replicas`, `row_replica`, `rows` and the names of `loads`.

    `loads` is filled by `body`: name and text of every cell that is the same for all replicas. They are loaded before
    the loop over the replicas, so that LLVM can compute what depends on them alone once.
    """

    def __init__(self, parameters: tuple[str, ...]) -> None:
        self._names = writing.Names(parameters)
        self.loads: dict[str, str] = {}
        self._lines: list[str] = []
        self._indent = "    "
        self._temporaries = 0

    def body(self, statements: tuple[tree.Statement, ...]) -> list[str]:
        self._put("poison = 0.0")
        self._block(statements)
        return self._lines

    def _put(self, line: str) -> None:
        self._lines.append(self._indent + line)

    def _named(self, text: str) -> str:
        """A fresh name for a value that is used more than once."""
        self._temporaries += 1
        name = f"t_{self._temporaries}"
        self._put(f"{name} = {text}")
        return name

    # statements

    def _block(self, statements: tuple[tree.Statement, ...]) -> None:
        for statement in statements:
            self._statement(statement)

    def _indented(self, head: str, statements: tuple[tree.Statement, ...]) -> None:
        self._put(head)
        outer, self._indent = self._indent, self._indent + "    "
        self._block(statements)
        self._indent = outer

    def _statement(self, statement: tree.Statement) -> None:
        match statement:
            case tree.Assignment():
                self._assignment(statement)
            case tree.Return():
                self._put(f"return {self._checked(statement.value, _ALWAYS)}, poison")
            case tree.If():
                self._indented(f"if {self._text(statement.test, _ALWAYS)}:", statement.then)
                if statement.otherwise:
                    self._indented("else:", statement.otherwise)
            case tree.Loop():
                self._indented(f"for {writing.row(statement.variable)} in range(rows):", statement.body)

    def _assignment(self, statement: tree.Assignment) -> None:
        name = writing.variable(statement.name)
        if statement.operator is not None:
            right = self._operand(statement.operator, statement.value, _ALWAYS)
            self._put(f"{name} = {writing.arithmetic(statement.operator, name, right)}")
            self._poison(name, _ALWAYS)
            return
        self._put(f"{name} = {self._text(statement.value, _ALWAYS)}")
        if _may_be_infinite(statement.value):
            self._poison(name, _ALWAYS)

    # expressions

    def _poison(self, name: str, guard: str) -> None:
        self._put(f"poison += {name} * 0.0" if guard == _ALWAYS else f"poison += {name} * 0.0 if {guard} else 0.0")

    def _checked(self, expression: tree.Expression, guard: str) -> str:
        """Text of a value behind which infinity and NaN might vanish."""
        text = self._text(expression, guard)
        if not _may_be_infinite(expression):
            return text
        name = self._named(text)
        self._poison(name, guard)
        return name

    def _operand(self, operator: str, right: tree.Expression, guard: str) -> str:
        return self._text(right, guard) if operator in {"+", "-", "*"} else self._checked(right, guard)

    def _text(self, expression: tree.Expression, guard: str) -> str:
        match expression:
            case tree.Arithmetic():
                left = self._text(expression.left, guard)
                right = self._operand(expression.operator, expression.right, guard)
                return writing.arithmetic(expression.operator, left, right)
            case tree.Call():
                text = self._text if expression.function in _CARRYING_CALLS else self._checked
                return writing.call(expression.function, [text(argument, guard) for argument in expression.arguments])
            case tree.Negative():
                return f"(-{self._text(expression.operand, guard)})"
            case tree.Not() | tree.Logic() | tree.Comparison() | tree.Choice():
                return self._condition(expression, guard)
            case tree.Member(owner="request" | "fleet" | "p"):
                name = f"{expression.owner}_{expression.name}"
                self.loads[name] = self._names.leaf(expression)
                return name
            case _:
                return self._names.leaf(expression)

    def _condition(self, expression: tree.Not | tree.Logic | tree.Comparison | tree.Choice, guard: str) -> str:
        match expression:
            case tree.Not():
                return f"(not {self._text(expression.operand, guard)})"
            case tree.Logic():
                return self._logic(expression, guard)
            case tree.Comparison():
                return self._comparison(expression, guard)
            case tree.Choice():
                test = self._named(self._text(expression.test, guard))
                yes = self._text(expression.yes, _both(guard, test))
                no = self._text(expression.no, _both(guard, f"(not {test})"))
                return f"({yes} if {test} else {no})"

    def _logic(self, expression: tree.Logic, guard: str) -> str:
        """`and` and `or` on computed operands; each operand is guarded by the result of those before it."""
        stands = "{}" if expression.operator == "and" else "(not {})"
        sign = "&" if expression.operator == "and" else "|"
        so_far = self._named(self._text(expression.operands[0], guard))
        for operand in expression.operands[1:]:
            text = self._text(operand, _both(guard, stands.format(so_far)))
            so_far = self._named(f"{so_far} {sign} {text}")
        return so_far

    def _comparison(self, expression: tree.Comparison, guard: str) -> str:
        left = self._checked(expression.operands[0], guard)
        so_far = ""
        for operator, operand in zip(expression.operators, expression.operands[1:], strict=True):
            right = self._checked(operand, _both(guard, so_far))
            pair = f"({left} {operator} {right})"
            so_far = self._named(f"{so_far} & {pair}" if so_far else pair)
            left = right
        return so_far


def _both(guard: str, other: str) -> str:
    return f"{guard} & {other}" if guard and other else guard or other


def _may_be_infinite(expression: tree.Expression) -> bool:
    """Whether a value may not be finite though all that was checked before it is."""
    match expression:
        case tree.Member():
            return writing.reads_field(expression)
        case tree.Arithmetic():
            return True
        case tree.Call(function="min" | "max"):
            return False
        case tree.Call() | tree.Negative() | tree.Choice():
            risky = isinstance(expression, tree.Call) and expression.function in {"exp", "log", "sqrt"}
            return risky or any(_may_be_infinite(child) for child in tree.children(expression))
        case _:
            return False

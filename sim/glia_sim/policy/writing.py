"""What both writers of numba source share: columns, variables and the text of each operation."""

from __future__ import annotations

from glia_sim.policy import fields, tree

_MATH = {"exp", "log", "sqrt"}
"""Functions that numba takes from Python's math module; the others stand under their own names."""


class Names:
    """Where everything that a program names stands in the generated source.

    Args:
        parameters: names in the order of the vector `p`.
    """

    def __init__(self, parameters: tuple[str, ...]) -> None:
        self._columns = {name: column for column, name in enumerate(parameters)}

    def leaf(self, leaf: tree.Expression) -> str:
        """Text of an expression without operands."""
        match leaf:
            case tree.Number():
                return repr(leaf.value)
            case tree.Name():
                gpu = fields.GPU_CLASSES.get(leaf.name)
                return variable(leaf.name) if gpu is None else repr(gpu)
            case tree.Member():
                return self._member(leaf)
            case tree.Truth():
                return str(leaf.value)
            case tree.Answer():
                return leaf.name
        raise AssertionError(leaf)

    def _member(self, member: tree.Member) -> str:
        """Text of a call of the primitive `cell` or `row_cell`; with the prefix finite_ and a fault it is checked."""
        match member.owner:
            case "p":
                return f"cell(p, {self._columns[member.name]})"
            case "request":
                return f"cell(request, {fields.REQUEST_COLUMNS[member.name]})"
            case "fleet":
                return f"cell(fleet, {fields.FLEET_COLUMNS[member.name]})"
            case replica:
                return f"row_cell(replicas, {row(replica)}, {fields.REPLICA_COLUMNS[member.name]})"


def variable(name: str) -> str:
    return f"v_{name}"


def row(replica: str) -> str:
    """The row of the replica that a loop, or `score`, calls by this name."""
    return f"row_{replica}"


def reads_field(expression: tree.Expression) -> bool:
    return isinstance(expression, tree.Member) and expression.owner != "p"


def call(function: str, arguments: list[str]) -> str:
    return f"{'math.' if function in _MATH else ''}{function}({', '.join(arguments)})"


def arithmetic(operator: str, left: str, right: str) -> str:
    return f"({left} {operator} {right})"

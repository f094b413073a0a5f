"""Words for the parts of Python, so that a refusal names what it saw."""

from __future__ import annotations

import ast

from glia_sim.policy import tree

_NODES: dict[type[ast.AST], str] = {
    ast.Import: "an import",
    ast.ImportFrom: "an import",
    ast.AsyncFunctionDef: "an async function",
    ast.ClassDef: "a class",
    ast.FunctionDef: "a function inside a function",
    ast.While: "a while loop",
    ast.AsyncFor: "an async loop",
    ast.With: "a with block",
    ast.AsyncWith: "an async with block",
    ast.Match: "a match statement",
    ast.Raise: "raise",
    ast.Try: "a try block",
    ast.TryStar: "a try block",
    ast.Assert: "an assert",
    ast.Global: "global",
    ast.Nonlocal: "nonlocal",
    ast.Delete: "del",
    ast.AnnAssign: "an annotated assignment",
    ast.Assign: "an assignment",
    ast.AugAssign: "an assignment",
    ast.Expr: "an expression",
    ast.If: "an if",
    ast.For: "a for loop",
    ast.Pass: "pass",
    ast.Break: "break",
    ast.Continue: "continue",
    ast.Return: "a return without a value",
    ast.Lambda: "a lambda",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.NamedExpr: "an assignment inside an expression",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
    ast.JoinedStr: "an f-string",
    ast.List: "a list",
    ast.Tuple: "a tuple",
    ast.Dict: "a dictionary",
    ast.Set: "a set",
    ast.Starred: "a star",
    ast.Subscript: "an index",
    ast.Slice: "a slice",
    ast.Attribute: "a field of something that is not a plain name",
    ast.Name: "a name",
}

_INSTEAD: dict[type[ast.AST], str] = {
    ast.NamedExpr: "assign on a line of its own",
    ast.Attribute: "write request.NAME, replica.NAME, fleet.NAME or p.NAME",
    ast.Subscript: "loop over fleet.replicas to look at other replicas",
    ast.ListComp: "loop over fleet.replicas",
    ast.GeneratorExp: "loop over fleet.replicas",
}

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}

_CONSTANTS: dict[type, str] = {str: "a text", bytes: "a text", complex: "a complex number", type(None): "None"}


def node(part: ast.AST) -> str:
    """What a part of Python's tree is called."""
    if isinstance(part, ast.Constant):
        return _CONSTANTS.get(type(part.value), "this constant")
    return _NODES.get(type(part), "this")


def instead(part: ast.AST) -> str:
    """What would be right in the place of an expression outside the language."""
    return _INSTEAD.get(type(part), "use numbers, conditions, fields and the functions of the language")


def operator(part: ast.operator | ast.cmpop) -> str:
    return _OPERATORS[type(part)]


def signature(function: str) -> str:
    return f"def {function}({', '.join(tree.SIGNATURES[function])})"


def arguments(function: str, received: int) -> dict[str, str]:
    """Words for a call with the wrong arguments."""
    count = tree.FUNCTIONS[function]
    least = "at least " if function in {"min", "max"} else ""
    expected = f"{least}{count} argument{'s' if count > 1 else ''}"
    return {"name": function, "expected": expected, "received": str(received)}

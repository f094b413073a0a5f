"""Text to tree: the grammar of the language, as the part of Python's own that is allowed."""

from __future__ import annotations

import ast

from glia_sim.policy import phrases, refusals, source, tree

_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_AUGMENTED = ("+", "-", "*", "/")
_ANSWERS = ("SKIP", "BLOCK")


def parse(program: str, text: str) -> tree.Program:
    """Read one program of a policy.

    Args:
        program: "router", "scheduler" or "autoscaler": which functions the text may define.
        text: the function definitions.

    Raises:
        refusals.Refusal: the text is outside the grammar.
    """
    return _Parser(source.Source(program, text)).program()


class _Parser:
    """One reading of one text: positions come from the text, and nodes are counted."""

    def __init__(self, text: source.Source) -> None:
        self._text = text
        self._nodes = 0

    def program(self) -> tree.Program:
        name = self._text.program
        functions: dict[str, tree.Function] = {}
        for statement in self._text.module.body:
            allowed = " and ".join(tree.PROGRAMS[name])
            if not isinstance(statement, ast.FunctionDef):
                raise self._text.refuse(statement, "top-level", what=phrases.node(statement), functions=allowed)
            if statement.name not in tree.PROGRAMS[name]:
                raise self._text.refuse(statement, "unknown-function", name=repr(statement.name), functions=allowed)
            if statement.name in functions:
                raise self._text.refuse(statement, "defined-twice", name=repr(statement.name))
            functions[statement.name] = self._function(statement)
        required = tree.REQUIRED[name]
        if required not in functions:
            words = {"name": repr(required), "signature": phrases.signature(required)}
            raise self._text.refuse(tree.At(1, 1), "missing-function", **words)
        return tree.Program(functions=tuple(functions.values()))

    def _function(self, node: ast.FunctionDef) -> tree.Function:
        signature = phrases.signature(node.name)
        if node.decorator_list:
            raise self._text.refuse(node.decorator_list[0], "decorator", signature=signature)
        received = node.args
        others = [*received.posonlyargs, *received.kwonlyargs, *received.defaults, received.vararg, received.kwarg]
        annotations = [node.returns, *(argument.annotation for argument in received.args)]
        annotations += getattr(node, "type_params", [])  # since Python 3.12
        names = tuple(argument.arg for argument in received.args)
        if names != tree.SIGNATURES[node.name] or any(other is not None for other in [*others, *annotations]):
            raise self._text.refuse(node, "signature", name=repr(node.name), signature=signature)
        doc = self._docstring(node.body[0])
        body = node.body if doc is None else node.body[1:]
        return tree.Function(name=node.name, doc=doc, body=self._body(body, 0, 0), at=self._text.at(node))

    def _docstring(self, first: ast.stmt) -> str | None:
        match first:
            case ast.Expr(value=ast.Constant(value=str(doc))):
                self._text.check_doc(first, doc)
                return doc
            case _:
                return None

    def _count(self, node: ast.stmt | ast.expr, depth: int) -> None:
        self._nodes += 1
        if self._nodes > refusals.NODES:
            raise self._text.refuse(node, "too-many-nodes")
        if depth > refusals.DEPTH:
            raise self._text.refuse(node, "too-deep")

    # statements

    def _body(self, nodes: list[ast.stmt], depth: int, loops: int) -> tuple[tree.Statement, ...]:
        return tuple(self._statement(node, depth, loops) for node in nodes)

    def _statement(self, node: ast.stmt, depth: int, loops: int) -> tree.Statement:
        self._count(node, depth)
        match node:
            case ast.Assign():
                return self._assign(node)
            case ast.AugAssign():
                return self._augmented(node)
            case ast.If():
                return tree.If(
                    test=self._expression(node.test, 0),
                    then=self._body(node.body, depth + 1, loops),
                    otherwise=self._body(node.orelse, depth + 1, loops),
                    at=self._text.at(node),
                )
            case ast.For():
                return self._loop(node, depth, loops)
            case ast.Return(value=ast.expr() as value):
                return tree.Return(value=self._answer(value), at=self._text.at(node))
            case ast.Expr():
                raise self._text.refuse(node, "no-effect")
            case _:
                raise self._text.refuse(node, "statement", what=phrases.node(node))

    def _answer(self, node: ast.expr) -> tree.Expression:
        if isinstance(node, ast.Name) and node.id in _ANSWERS:
            self._count(node, 0)
            return tree.Answer(name=node.id, at=self._text.at(node))
        return self._expression(node, 0)

    def _assign(self, node: ast.Assign) -> tree.Assignment:
        if len(node.targets) > 1:
            raise self._text.refuse(node.targets[1], "assign-target", what="several targets")
        name = self._target(node.targets[0])
        value = self._expression(node.value, 0)
        return tree.Assignment(name=name, operator=None, value=value, at=self._text.at(node))

    def _augmented(self, node: ast.AugAssign) -> tree.Assignment:
        name = self._target(node.target)
        operator = _ARITHMETIC.get(type(node.op)) or phrases.operator(node.op)
        at = self._text.operator_at(node.target, node.value)
        if operator not in _AUGMENTED:
            raise self._text.refuse(at, "augmented", operator=operator)
        return tree.Assignment(name=name, operator=operator, value=self._expression(node.value, 0), at=at)

    def _target(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Name):
            raise self._text.refuse(node, "assign-target", what=phrases.node(node))
        return node.id

    def _loop(self, node: ast.For, depth: int, loops: int) -> tree.Loop:
        variable = self._target(node.target)
        match node.iter:
            case ast.Attribute(value=ast.Name(id="fleet"), attr="replicas"):
                pass
            case over:
                raise self._text.refuse(over, "loop-over", name=variable)
        if node.orelse:
            raise self._text.refuse(node.orelse[0], "loop-else")
        if loops == refusals.LOOP_DEPTH:
            raise self._text.refuse(node, "loop-depth")
        body = self._body(node.body, depth + 1, loops + 1)
        return tree.Loop(variable=variable, body=body, at=self._text.at(node))

    # expressions

    def _expression(self, node: ast.expr, depth: int) -> tree.Expression:
        self._count(node, depth)
        at = self._text.at(node)
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return tree.Name(name=node.id, at=at)
            case ast.Attribute(value=ast.Name(id=owner)):
                return tree.Member(owner=owner, name=node.attr, at=at)
            case ast.BinOp():
                return self._arithmetic(node, depth)
            case ast.UnaryOp():
                return self._unary(node, depth)
            case _:
                return self._compound(node, depth)

    def _compound(self, node: ast.expr, depth: int) -> tree.Expression:
        at = self._text.at(node)
        match node:
            case ast.BoolOp():
                operator = "and" if isinstance(node.op, ast.And) else "or"
                return tree.Logic(operator=operator, operands=self._all(node.values, depth), at=at)
            case ast.Compare():
                return self._comparison(node, depth)
            case ast.IfExp():
                test, yes, no = self._all([node.test, node.body, node.orelse], depth)
                return tree.Choice(test=test, yes=yes, no=no, at=at)
            case ast.Call():
                return self._call(node, depth)
            case _:
                words = {"what": phrases.node(node), "instead": phrases.instead(node)}
                raise self._text.refuse(node, "expression", **words)

    def _all(self, nodes: list[ast.expr], depth: int) -> tuple[tree.Expression, ...]:
        return tuple(self._expression(node, depth + 1) for node in nodes)

    def _constant(self, node: ast.Constant) -> tree.Expression:
        value = node.value
        if isinstance(value, bool):
            return tree.Truth(value=value, at=self._text.at(node))
        if not isinstance(value, int | float):
            raise self._text.refuse(node, "constant", what=phrases.node(node))
        try:
            number = float(value)
        except OverflowError:
            number = float("inf")
        if number == float("inf"):
            raise self._text.refuse(node, "number")
        return tree.Number(value=number, at=self._text.at(node))

    def _arithmetic(self, node: ast.BinOp, depth: int) -> tree.Expression:
        operator = _ARITHMETIC.get(type(node.op))
        at = self._text.operator_at(node.left, node.right)
        if operator is None:
            instead = "multiply repeatedly" if isinstance(node.op, ast.Pow) else "use +, -, *, /, // and %"
            raise self._text.refuse(at, "operator", operator=phrases.operator(node.op), instead=instead)
        left, right = self._all([node.left, node.right], depth)
        return tree.Arithmetic(operator=operator, left=left, right=right, at=at)

    def _unary(self, node: ast.UnaryOp, depth: int) -> tree.Expression:
        at = self._text.at(node)
        match node.op:
            case ast.USub():
                return tree.Negative(operand=self._expression(node.operand, depth + 1), at=at)
            case ast.Not():
                return tree.Not(operand=self._expression(node.operand, depth + 1), at=at)
            case ast.UAdd():
                raise self._text.refuse(node, "operator", operator="+", instead="leave the sign away")
            case _:
                raise self._text.refuse(node, "operator", operator="~", instead="use not for conditions")

    def _comparison(self, node: ast.Compare, depth: int) -> tree.Expression:
        for operator in node.ops:
            if type(operator) not in _COMPARISONS:
                raise self._text.refuse(node, "comparison", operator=phrases.operator(operator))
        return tree.Comparison(
            operands=self._all([node.left, *node.comparators], depth),
            operators=tuple(_COMPARISONS[type(operator)] for operator in node.ops),
            at=self._text.at(node),
        )

    def _call(self, node: ast.Call, depth: int) -> tree.Expression:
        if not isinstance(node.func, ast.Name) or node.func.id not in tree.FUNCTIONS:
            name = repr(node.func.id) if isinstance(node.func, ast.Name) else "this"
            raise self._text.refuse(node, "call", name=name)
        name = node.func.id
        expected, count = tree.FUNCTIONS[name], len(node.args)
        right = count >= expected if name in {"min", "max"} else count == expected
        if not right or node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self._text.refuse(node, "arguments", **phrases.arguments(name, count))
        return tree.Call(function=name, arguments=self._all(node.args, depth), at=self._text.at(node))

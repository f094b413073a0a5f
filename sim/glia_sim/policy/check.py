"""Judges a tree: names, fields, types, paths. A program that passes is total and means one thing everywhere."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

from glia_sim.policy import fields, parse, refusals, render, tree

Type = Literal["a number", "a condition"]
NUMBER: Type = "a number"
TRUTH: Type = "a condition"

_VIEWS = {"request": fields.REQUEST_COLUMNS, "replica": fields.REPLICA_COLUMNS, "fleet": fields.FLEET_COLUMNS}
_VIEW_EXAMPLE = {"request": "prompt_tokens", "replica": "waiting", "fleet": "held"}
_ANSWERS = ("SKIP", "BLOCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a function reads.

    Args:
        views: fields as "replica.kv_used", "fleet.held"; "fleet.replicas" when it loops.
        parameters: names read as `p.NAME`.
    """

    views: frozenset[str]
    parameters: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A program inside the language, and what each of its functions reads."""

    program: tree.Program
    facts: dict[str, Facts]


@functools.lru_cache(maxsize=1024)
def check(program: str, text: str, parameters: tuple[str, ...]) -> Checked:
    """Parse and judge one program of a policy.

    Args:
        program: "router", "scheduler" or "autoscaler".
        text: the function definitions.
        parameters: names that the document declares.

    Raises:
        refusals.Refusal: the text is outside the language.
    """
    parsed = parse.parse(program, text)
    facts: dict[str, Facts] = {}
    for function in parsed.functions:
        judge = _Judge(program, function, parameters)
        judge.function()
        facts[function.name] = Facts(views=frozenset(judge.views), parameters=frozenset(judge.parameters))
    return Checked(program=parsed, facts=facts)


class _Judge:
    """One walk over one function.

    `_types` holds every name assigned so far and its type; `_loops` the names of the loops around the statement,
    `_past_loops` of all loops so far. What is certainly assigned travels as a set through the statements;
    None in its place means that no path arrives.
    """

    def __init__(self, program: str, function: tree.Function, parameters: tuple[str, ...]) -> None:
        self._program = program
        self._function = function
        self._declared = parameters
        self._types: dict[str, Type] = {}
        self._loops: list[str] = []
        self._past_loops: set[str] = set()
        self.views: set[str] = set()
        self.parameters: set[str] = set()

    def function(self) -> None:
        if self._body(self._function.body, frozenset()) is not None:
            raise self._refuse(self._function.at, "no-return", name=self._function.name)

    def _refuse(self, at: tree.At, rule: str, **words: object) -> refusals.Refusal:
        return refusals.Refusal(self._program, at, rule, **words)

    # statements

    def _body(self, body: tuple[tree.Statement, ...], sure: frozenset[str]) -> frozenset[str] | None:
        after: frozenset[str] | None = sure
        for statement in body:
            if after is None:
                raise self._refuse(statement.at, "unreachable")
            after = self._statement(statement, after)
        return after

    def _statement(self, statement: tree.Statement, sure: frozenset[str]) -> frozenset[str] | None:
        match statement:
            case tree.Assignment():
                return self._assignment(statement, sure)
            case tree.If():
                self._want(TRUTH, statement.test, sure, "what if tests")
                then = self._body(statement.then, sure)
                otherwise = self._body(statement.otherwise, sure)
                if then is None or otherwise is None:
                    return otherwise if then is None else then
                return then & otherwise
            case tree.Loop():
                return self._loop(statement, sure)
            case tree.Return():
                self._return(statement, sure)
                return None

    def _assignment(self, statement: tree.Assignment, sure: frozenset[str]) -> frozenset[str]:
        name = statement.name
        taken = self._taken(name)
        if taken or name in self._past_loops:
            what = taken or "the name of a loop"
            raise self._refuse(statement.at, "assign-taken", name=repr(name), what=what)
        if statement.operator is None:
            kind = self._type(statement.value, sure)
        else:
            self._want(NUMBER, tree.Name(name=name, at=statement.at), sure, f"the left side of {statement.operator}=")
            self._want(NUMBER, statement.value, sure, f"the right side of {statement.operator}=")
            kind = NUMBER
        old = self._types.setdefault(name, kind)
        if old != kind:
            raise self._refuse(statement.at, "type-change", name=repr(name), old=old, new=kind)
        return sure | {name}

    def _loop(self, statement: tree.Loop, sure: frozenset[str]) -> frozenset[str]:
        name = statement.variable
        taken = self._taken(name)
        if taken and (name != "replica" or self._function.name == "score"):
            raise self._refuse(statement.at, "loop-name", name=repr(name), what=taken)
        if name in self._types or name in self._loops:
            what = "the name of the loop around it" if name in self._loops else "a variable"
            raise self._refuse(statement.at, "loop-name", name=repr(name), what=what)
        self.views.add("fleet.replicas")
        self._past_loops.add(name)
        self._loops.append(name)
        self._body(statement.body, sure)
        self._loops.pop()
        return sure  # the fleet may be empty, so nothing assigned inside is certain

    def _return(self, statement: tree.Return, sure: frozenset[str]) -> None:
        value = statement.value
        if not isinstance(value, tree.Answer):
            self._want(NUMBER, value, sure, "the returned value")
        elif self._function.name != "score":
            raise self._refuse(value.at, "answer-function", name=value.name, function=self._function.name)

    def _taken(self, name: str) -> str | None:
        """What a name means already in the language, if anything."""
        if name in _VIEWS or name == "p":
            return "a view" if name in _VIEWS else "the parameters"
        if name in tree.FUNCTIONS or name in tree.SIGNATURES:
            return "a function"
        if name in fields.GPU_CLASSES:
            return "a GPU class"
        return "an answer" if name in _ANSWERS else None

    # expressions

    def _want(self, kind: Type, expression: tree.Expression, sure: frozenset[str], where: str) -> None:
        if self._type(expression, sure) != kind:
            rule = "want-number" if kind == NUMBER else "want-truth"
            raise self._refuse(expression.at, rule, where=where, text=render.expression(expression))

    def _type(self, expression: tree.Expression, sure: frozenset[str]) -> Type:
        match expression:
            case tree.Number():
                return NUMBER
            case tree.Truth():
                return TRUTH
            case tree.Name():
                return self._name(expression, sure)
            case tree.Member():
                return self._member(expression)
            case _:
                return self._operation(expression, sure)

    def _operation(self, expression: tree.Expression, sure: frozenset[str]) -> Type:
        match expression:
            case tree.Choice():
                self._want(TRUTH, expression.test, sure, "what a conditional expression tests")
                kind = self._type(expression.yes, sure)
                if self._type(expression.no, sure) != kind:
                    raise self._refuse(expression.at, "branch-types")
                return kind
            case tree.Not() | tree.Logic():
                word = "not" if isinstance(expression, tree.Not) else expression.operator
                self._want_all(TRUTH, expression, sure, f"an operand of {word}")
                return TRUTH
            case tree.Comparison():
                self._want_all(NUMBER, expression, sure, "each side of a comparison")
                return TRUTH
            case tree.Call():
                self._want_all(NUMBER, expression, sure, f"an argument of {expression.function}")
                return NUMBER
            case _:
                word = expression.operator if isinstance(expression, tree.Arithmetic) else "-"
                self._want_all(NUMBER, expression, sure, f"an operand of {word}")
                return NUMBER

    def _want_all(self, kind: Type, expression: tree.Expression, sure: frozenset[str], where: str) -> None:
        for child in tree.children(expression):
            self._want(kind, child, sure, where)

    def _name(self, expression: tree.Name, sure: frozenset[str]) -> Type:
        name, at = expression.name, expression.at
        if name in sure:
            return self._types[name]
        if name in self._types:
            raise self._refuse(at, "maybe-undefined", name=repr(name))
        if name in fields.GPU_CLASSES:
            return NUMBER
        if name in _ANSWERS:
            raise self._refuse(at, "answer-place", name=name)
        if name in tree.FUNCTIONS:
            example = ", ".join("ab"[: tree.FUNCTIONS[name]])
            raise self._refuse(at, "function-as-value", name=name, example=example)
        if name in _VIEWS or name in self._loops or name == "p":
            what = {"p": "the parameters", "request": "the request", "fleet": "the fleet"}.get(name, "a replica")
            field = self._declared[0] if name == "p" and self._declared else _VIEW_EXAMPLE.get(name, "waiting")
            raise self._refuse(at, "view-as-value", name=name, what=what, field=field)
        raise self._refuse(at, "unknown-name", name=repr(name), hint=self._hint(name))

    def _hint(self, name: str) -> str:
        owners = [owner for owner in self._seen() if name in _VIEWS[owner]]
        if name in self._declared or owners:
            return f"; did you mean '{'p' if name in self._declared else owners[0]}.{name}'?"
        return refusals.hint(name, [*self._types, *fields.GPU_CLASSES, *tree.FUNCTIONS])

    def _seen(self) -> tuple[str, ...]:
        """Views that the function receives."""
        return tuple(name for name in tree.SIGNATURES[self._function.name] if name in _VIEWS)

    def _member(self, expression: tree.Member) -> Type:
        owner, name, at = expression.owner, expression.name, expression.at
        if owner == "p":
            if name not in self._declared:
                hint = refusals.hint(name, self._declared)
                raise self._refuse(at, "unknown-parameter", name=name, hint=hint)
            self.parameters.add(name)
            return NUMBER
        view = "replica" if owner in self._loops else owner
        if view not in _VIEWS:
            raise self._refuse(at, "unknown-owner", name=repr(owner))
        if view == owner and owner not in self._seen():
            views = ", ".join([*self._seen(), "p"])
            raise self._refuse(at, "no-view", name=owner, function=self._function.name, views=views)
        if owner == "fleet" and name == "replicas":
            raise self._refuse(at, "replicas-place")
        if name not in _VIEWS[view]:
            hint = refusals.hint(name, _VIEWS[view])
            raise self._refuse(at, "unknown-field", name=repr(name), owner=owner, hint=hint)
        self.views.add(f"{view}.{name}")
        return NUMBER

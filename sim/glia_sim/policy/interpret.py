"""Runs the checked tree in plain Python: the second witness of what a program means, and the one that explains faults.

Views are mappings from field names to numbers. A function becomes closures once, so that a call costs microseconds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from glia_sim.policy import check, evaluate, tree

if TYPE_CHECKING:
    from glia_sim.policy import document

View = evaluate.View
Views = evaluate.Views
Owners = evaluate.Owners

Runner = Callable[[Owners, Views], float]
"""Runs a function on the views by the names the program uses ("request", "fleet", "p", ...) and all replicas."""


def order(policy: document.Policy, request: View, replicas: Views, fleet: View) -> float:
    """Key of a held request, lowest first.

    Args:
        policy: defines `order`.
        request: fields of the request's view.
        replicas: fields of every replica's view, which loops run over.
        fleet: fields of the fleet's view.

    Raises:
        faults.PolicyFault: the program met an operation without a finite result.
    """
    return prepare(policy, "order")({"request": request, "fleet": fleet, "p": values(policy)}, replicas)


def score(policy: document.Policy, request: View, replica: View, replicas: Views, fleet: View) -> float:
    """Preference for a replica, highest first, SKIP or BLOCK; arguments and faults as for `order`."""
    owners = {"request": request, "replica": replica, "fleet": fleet, "p": values(policy)}
    return prepare(policy, "score")(owners, replicas)


def priority(policy: document.Policy, request: View, replicas: Views, fleet: View) -> float:
    """Key of a dispatched request in its replica, lowest first; arguments and faults as for `order`."""
    return prepare(policy, "priority")({"request": request, "fleet": fleet, "p": values(policy)}, replicas)


def wanted(policy: document.Policy, replicas: Views, fleet: View) -> float:
    """How many replicas the autoscaler's `replicas` wants; arguments and faults as for `order`."""
    return prepare(policy, "replicas")({"fleet": fleet, "p": values(policy)}, replicas)


def values(policy: document.Policy) -> dict[str, float]:
    """The view `p` of a policy."""
    return {name: parameter.value for name, parameter in policy.parameters.items()}


def prepare(policy: document.Policy, name: str) -> Runner:
    """A function of the policy, ready to be called many times.

    Raises:
        KeyError: the policy does not define it.
    """
    (program,) = (program for program, names in tree.PROGRAMS.items() if name in names)
    return _prepared(program, policy.texts[program], tuple(policy.parameters), name)


@functools.lru_cache(maxsize=1024)
def _prepared(program: str, text: str, parameters: tuple[str, ...], name: str) -> Runner:
    function = check.check(program, text, parameters).program.function(name)
    if function is None:
        raise KeyError(name)
    execute = _body(function.body)

    def run(owners: Owners, replicas: Views) -> float:
        answer = execute(evaluate.Scope(owners=dict(owners), replicas=replicas))
        if answer is None:
            raise AssertionError("a checked function returns on every path")
        return answer

    return run


_Execute = Callable[[evaluate.Scope], float | None]
"""Runs a statement; a number is the value of a return, None means that the next statement follows."""


def _body(statements: tuple[tree.Statement, ...]) -> _Execute:
    executes = tuple(_statement(statement) for statement in statements)

    def run(scope: evaluate.Scope) -> float | None:
        for execute in executes:
            answer = execute(scope)
            if answer is not None:
                return answer
        return None

    return run


def _statement(statement: tree.Statement) -> _Execute:
    match statement:
        case tree.Assignment():
            return _assignment(statement)
        case tree.If():
            return _if(statement)
        case tree.Loop():
            return _loop(statement)
        case tree.Return():
            return evaluate.evaluator(statement.value)


def _assignment(statement: tree.Assignment) -> _Execute:
    name = statement.name
    value = statement.value
    if statement.operator is not None:
        old = tree.Name(name=name, at=statement.at)
        value = tree.Arithmetic(operator=statement.operator, left=old, right=value, at=statement.at)
    compute = evaluate.evaluator(value)

    def assign(scope: evaluate.Scope) -> None:
        scope.variables[name] = compute(scope)

    return assign


def _if(statement: tree.If) -> _Execute:
    test, then, otherwise = evaluate.evaluator(statement.test), _body(statement.then), _body(statement.otherwise)

    def branch(scope: evaluate.Scope) -> float | None:
        return then(scope) if test(scope) else otherwise(scope)

    return branch


def _loop(statement: tree.Loop) -> _Execute:
    body, variable = _body(statement.body), statement.variable

    def loop(scope: evaluate.Scope) -> float | None:
        for replica in scope.replicas:
            scope.owners[variable] = replica
            answer = body(scope)
            if answer is not None:
                return answer
        return None

    return loop

"""Programs and views by seed: what the compiled and the interpreted meaning of the language are compared on."""

from __future__ import annotations

import random
import textwrap
from dataclasses import dataclass, field

import numba
import numpy as np
import pytest

from glia_sim import faults
from glia_sim.policy import compile as compiler
from glia_sim.policy import document, fields, interpret, tree


@pytest.fixture(scope="module", autouse=True)
def policy_cache(request):
    """Generated programs are compiled into pytest's own cache, not into the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NUMBA_CACHE_DIR", raising=False)
        patch.setenv("XDG_CACHE_HOME", str(request.config.cache.mkdir("glia-policies")))
        yield


NUMBERS = ("0", "1", "2", "0.5", "3.25", "10", "100", "1000", "1e-3", "1e300", "1e-300", "A10", "H100")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
PARAMETERS = ("r", "m", "huge")
SHORT = 300  # characters: compiling takes time in proportion, so only every eleventh program may be longer


@dataclass
class Author:
    """Writes random programs of the language, by construction inside it; some of their operations fault."""

    dice: random.Random
    function: str = "score"
    numbers: list[str] = field(default_factory=list)
    truths: list[str] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)
    fresh: int = 0

    def definition(self) -> str:
        head = f"def {self.function}({', '.join(tree.SIGNATURES[self.function])}):"
        lines = self.block(depth=0, statements=self.dice.randint(1, 3))
        return "\n".join([head, *(f"    {line}" for line in lines), f"    return {self.number(2)}"]) + "\n"

    def block(self, *, depth: int, statements: int) -> list[str]:
        """Statements of one block; what they assign is forgotten at its end, unless this is the function's own."""
        known = len(self.numbers), len(self.truths)
        lines = [line for _ in range(statements) for line in self.statement(depth)]
        if depth:
            del self.numbers[known[0] :], self.truths[known[1] :]
        return lines

    def statement(self, depth: int) -> list[str]:
        kind = self.dice.random()
        if depth < 3 and kind < 0.2:
            return self.branch(depth)
        if depth < 3 and kind < 0.3 and len(self.loops) < 2:
            return self.loop(depth)
        if self.numbers and kind < 0.5:
            return [f"{self.dice.choice(self.numbers)} {self.dice.choice('+-*/')}= {self.number(1)}"]
        self.fresh += 1
        name = f"x{self.fresh}"
        if kind < 0.6:
            text = self.truth(2)
            self.truths.append(name)
        else:
            text = self.number(2)
            self.numbers.append(name)
        return [f"{name} = {text}"]

    def branch(self, depth: int) -> list[str]:
        lines = [f"if {self.truth(1)}:", *self.inner(depth)]
        if self.dice.random() < 0.3:
            lines += [f"elif {self.truth(1)}:", *self.inner(depth)]
        if self.dice.random() < 0.5:
            lines += ["else:", *self.inner(depth, may_return=False)]  # so that what follows can be reached
        return lines

    def loop(self, depth: int) -> list[str]:
        self.fresh += 1
        name = f"each{self.fresh}"
        self.loops.append(name)
        lines = [f"for {name} in fleet.replicas:", *self.inner(depth)]
        self.loops.pop()
        return lines

    def inner(self, depth: int, *, may_return: bool = True) -> list[str]:
        """The lines of a block inside another; now and then it returns."""
        lines = self.block(depth=depth + 1, statements=1)
        if may_return and self.dice.random() < 0.25:
            answers = ["SKIP", "BLOCK"] if self.function == "score" else []
            lines.append(f"return {self.dice.choice([*answers, self.number(2)])}")
        return [f"    {line}" for line in lines]

    def number(self, depth: int) -> str:
        kind = self.dice.random()
        if depth == 0 or kind < 0.35:
            return self.leaf()
        if kind < 0.65:
            operator = self.dice.choice(["+", "-", "*", "/", "//", "%"])
            return f"({self.number(depth - 1)} {operator} {self.number(depth - 1)})"
        if kind < 0.85:
            name = self.dice.choice(list(tree.FUNCTIONS))
            count = tree.FUNCTIONS[name] + (name in {"min", "max"} and self.dice.random() < 0.3)
            return f"{name}({', '.join(self.number(depth - 1) for _ in range(count))})"
        if kind < 0.92:
            return f"-{self.number(depth - 1)}"
        return f"({self.number(depth - 1)} if {self.truth(depth - 1)} else {self.number(depth - 1)})"

    def leaf(self) -> str:
        kind = self.dice.random()
        if self.numbers and kind < 0.3:
            return self.dice.choice(self.numbers)
        if kind < 0.45:
            return self.dice.choice(NUMBERS)
        if kind < 0.55:
            return f"p.{self.dice.choice(PARAMETERS)}"
        views = {"request": fields.REQUEST, "replica": fields.REPLICA, "fleet": fields.FLEET}
        owners = [name for name in tree.SIGNATURES[self.function] if name in views] + self.loops
        owner = self.dice.choice(owners)
        return f"{owner}.{self.dice.choice(views.get(owner, fields.REPLICA)).name}"

    def truth(self, depth: int) -> str:
        kind = self.dice.random()
        if self.truths and kind < 0.15:
            return self.dice.choice(self.truths)
        if depth == 0 or kind < 0.65:
            links = self.dice.choice([1, 1, 1, 2])
            text = self.number(max(depth - 1, 0))
            for _ in range(links):
                text += f" {self.dice.choice(COMPARISONS)} {self.number(max(depth - 1, 0))}"
            return f"({text})"
        if kind < 0.9:
            joined = f" {self.dice.choice(['and', 'or'])} ".join(self.truth(depth - 1) for _ in range(2))
            return f"({joined})"
        return f"(not {self.truth(depth - 1)})" if kind < 0.97 else self.dice.choice(["True", "False"])


def policy_of(seed: int) -> tuple[document.Policy, str]:
    """A policy with one random function, and the function's name; kinds take turns."""
    name = ("score", "order", "priority", "replicas")[seed % 4]
    dice = random.Random(seed)  # noqa: S311  # a seeded test, no secret
    text = Author(dice, name).definition()
    while seed % 11 and len(text) > SHORT:
        text = Author(dice, name).definition()
    (program,) = (program for program, names in tree.PROGRAMS.items() if name in names)
    if name == "order":
        text += "\n\ndef score(request, replica, fleet, p):\n    return 0\n"
    values = {"r": 0.6, "m": 0.03, "huge": 1e200}
    parameters = {
        name: document.Parameter(value=values[name], low=0, high=1e300, unit="1", meaning="a number")
        for name in PARAMETERS
        if f"p.{name}" in text
    }
    content = {"name": f"seed-{seed}", "rationale": "Random.", "parameters": parameters, program: text}
    return document.Policy(**content), name


@pytest.fixture(scope="session")
def generated():
    """Function from a seed to a policy with one random function, and the function's name."""
    return policy_of


# views


@dataclass(frozen=True, kw_only=True)
class Views:
    """Views of `count` fleets with `rows` replicas each.

    requests: [count, fields of a request]; replicas: [count, rows, fields]; fleets: [count, FLEET_WIDTH].
    """

    requests: np.ndarray
    replicas: np.ndarray
    fleets: np.ndarray


EXTREMES = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, -7.25, 1e15, -1e15, 1e308, -1e308, 5e-324, 1e-300, np.nan, np.inf, -np.inf]
)
EXTREME_ODDS = np.array([16, 2, 8, 8, 8, 8, 4, 4, 4, 4, 4, 4, 1, 1, 1]) / 77


def make_views(count: int, rows: int, seed: int, extreme: float) -> Views:
    """Views of believable size, of which a share of the cells is replaced by extremes."""
    dice = np.random.default_rng(seed)

    def cells(*shape: int) -> np.ndarray:
        values = np.floor(10 ** dice.uniform(-0.5, 4, shape))
        values = np.where(dice.random(shape) < 0.3, dice.random(shape), values)
        return np.where(dice.random(shape) < extreme, dice.choice(EXTREMES, shape, p=EXTREME_ODDS), values)

    requests, replicas = cells(count, len(fields.REQUEST)), cells(count, rows, len(fields.REPLICA))
    fleets = cells(count, fields.FLEET_WIDTH)
    fleets[:, fields.ROWS] = dice.integers(0, rows + 1, count)
    return Views(requests=requests, replicas=replicas, fleets=fleets)


@pytest.fixture(scope="session")
def views():
    """Function (count, rows, seed, extreme) to `Views`."""
    return make_views


# the two meanings


@numba.njit
def _numbers(entry, requests, replicas, fleets, p, results, codes):
    fault = np.zeros(1, np.int64)
    for k in range(len(requests)):
        fault[0] = 0
        results[k, 0] = entry(requests[k], replicas[k], replicas.shape[1], fleets[k], p, fault)
        codes[k] = fault[0]


@numba.njit
def _scores(entry, requests, replicas, fleets, p, results, codes):
    fault = np.zeros(1, np.int64)
    for k in range(len(requests)):
        fault[0] = 0
        entry(requests[k], replicas[k], replicas.shape[1], fleets[k], p, results[k], fault)
        codes[k] = fault[0]


def run_compiled(policy: document.Policy, name: str, on: Views) -> tuple[np.ndarray, np.ndarray]:
    """Results [count, rows or 1] and fault codes [count] of the machine code."""
    program = compiler.compile(policy)
    results = np.zeros((len(on.requests), on.replicas.shape[1] if name == "score" else 1))
    codes = np.zeros(len(on.requests), np.int64)
    sweep = _scores if name == "score" else _numbers
    sweep(getattr(program, name), on.requests, on.replicas, on.fleets, program.values, results, codes)
    return results, codes


def run_interpreted(policy: document.Policy, name: str, on: Views) -> tuple[np.ndarray, np.ndarray]:
    """The same by the interpreter, on views as mappings that hold the fields the program reads."""
    runner, owners = interpret.prepare(policy, name), {"p": interpret.values(policy)}
    (reads,) = (checked.facts[name].views for checked in policy.programs.values() if name in checked.facts)
    requests = mappings("request", fields.REQUEST, reads, on.requests)
    fleets = mappings("fleet", fields.FLEET, reads, on.fleets)
    columns = [mappings("replica", fields.REPLICA, reads, on.replicas[:, row]) for row in range(on.replicas.shape[1])]
    looped, scored = on.fleets[:, fields.ROWS].astype(int), on.replicas.shape[1] if name == "score" else 1
    results, codes = np.zeros((len(on.requests), scored)), np.zeros(len(on.requests), np.int64)
    for k, (owners["request"], owners["fleet"], *replicas) in enumerate(zip(requests, fleets, *columns, strict=True)):
        try:
            for row in range(scored):
                owners["replica"] = replicas[row]
                results[k, row] = runner(owners, replicas[: looped[k]])
        except faults.PolicyFault as fault:
            codes[k] = fault.line * 1000 + fault.column
    return results, codes


def mappings(view: str, known: tuple[fields.Field, ...], reads: frozenset[str], cells: np.ndarray) -> list[dict]:
    """Rows of cells as mappings of those fields that are read."""
    names = [(column, one.name) for column, one in enumerate(known) if f"{view}.{one.name}" in reads]
    if not names:
        return [{}] * len(cells)
    values = zip(*(cells[:, column].tolist() for column, _ in names), strict=True)
    return [dict(zip([name for _, name in names], row, strict=True)) for row in values]


def assert_equal(policy: document.Policy, name: str, on: Views) -> float:
    """Both meanings agree to the bit, and in the place of each fault; gives the share of calls that fault."""
    compiled, codes = run_compiled(policy, name, on)
    interpreted, expected = run_interpreted(policy, name, on)
    text = textwrap.indent(next(iter(policy.texts.values())), "  ")
    wrong = np.flatnonzero(codes != expected)
    assert not len(wrong), f"view {wrong[0]}: fault {codes[wrong[0]]}, expected {expected[wrong[0]]}\n{text}"
    fine = codes == 0
    different = compiled[fine].view(np.int64) != interpreted[fine].view(np.int64)
    assert not different.any(), f"{compiled[fine][different]} != {interpreted[fine][different]}\n{text}"
    return float(np.mean(~fine))


@pytest.fixture(scope="session")
def agree():
    """Function (policy, function, views) that asserts agreement and gives the share of faults."""
    return assert_equal


@pytest.fixture(scope="session")
def one_view():
    """Function (rows, cells) to `Views` of one fleet: zeros, except cells named like replica_running=[1, 2]."""

    def build(rows: int, **cells: float | list[float]) -> Views:
        on = Views(
            requests=np.zeros((1, len(fields.REQUEST))),
            replicas=np.zeros((1, rows, len(fields.REPLICA))),
            fleets=np.zeros((1, fields.FLEET_WIDTH)),
        )
        on.fleets[:, fields.ROWS] = rows
        arrays = {"request": on.requests, "replica": on.replicas, "fleet": on.fleets}
        columns = {
            "request": fields.REQUEST_COLUMNS,
            "replica": fields.REPLICA_COLUMNS,
            "fleet": fields.FLEET_COLUMNS | {"rows": fields.ROWS},
        }
        for cell, value in cells.items():
            view, _, name = cell.partition("_")
            arrays[view][..., columns[view][name]] = value
        return on

    return build


@pytest.fixture(scope="session")
def compiled():
    """Function (policy, function, views) to results and fault codes of the machine code."""
    return run_compiled

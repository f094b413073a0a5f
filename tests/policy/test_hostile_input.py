"""Texts made to harm are refused like any other mistake: quickly, in one sentence, and with nothing else raised."""

from __future__ import annotations

import contextlib
import os
import random
import string
import time

import pytest

from glia_sim import faults
from glia_sim.policy import catalogue, check, document, fields, interpret, render

SCORE = "def score(request, replica, fleet, p):\n"


def nested_ifs(count: int) -> str:
    return (
        SCORE + "".join(f"{' ' * (level + 1)}if fleet.held > 0:\n" for level in range(count)) + " " * (count + 2) + "x"
    )


def elifs(count: int) -> str:
    return SCORE + " if fleet.held > 0:\n  x = 1\n" + " elif fleet.held > 1:\n  x = 1\n" * count + " return 1\n"


def tall(unit: str) -> str:
    """One expression of many short lines, just below the size limit."""
    lines = [unit * (400 // len(unit))] * 38
    return SCORE + " return (\n" + "\n".join(lines) + "\n1)\n"


HOSTILE = {
    "ten thousand lines": SCORE + " a = 1\n" * 10_000 + " return a\n",
    "parentheses": SCORE + " return " + "(" * 490,
    "brackets": SCORE + " return " + "[" * 490,
    "minus signs": tall("-"),
    "nots": tall("not "),
    "lambdas": tall("lambda:"),
    "tildes": tall("~"),
    "powers": tall("2**"),
    "sums": tall("1+"),
    "calls": tall("f("),
    "attributes": tall("a."),
    "awaits": tall("await "),
    "choices": tall("1 if 1 else "),
    "walrus": tall("(a:="),
    "f-string": SCORE + " return " + "f'{" * 150 + "1" + "}'" * 150,
    "nested ifs": nested_ifs(60),
    "deeper ifs": nested_ifs(150),
    "elifs": elifs(90),
    "huge number": SCORE + " return " + "9" * 480 + "\n",
    "huge power": SCORE + " return 9**9**9**9\n",
    "digits in many lines": SCORE + " return (\n" + ("1" * 480 + "+\n") * 30 + "1)\n",
    "string escapes": SCORE + ' return "\\N{BULLET}\\d"\n',
    "surrogate": SCORE + " return '\udcff'\n",
    "byte order mark": "\ufeff" + SCORE + " return 1\n",
    "encoding cookie": "# -*- coding: utf-7 -*-\n" + SCORE + " return +AGE-\n",
    "line continuation": SCORE + " return 1 \\",
    "carriage return": SCORE + " return 1\r x = 2\n",
    "form feed": SCORE + "\f return 1\n",
    "paragraph separator": SCORE + " return 1\u2029 + 1\n",
    "open string": SCORE + ' """never closed\n return 1\n',
    "bad indentation": SCORE + "   a = 1\n  return 1\n",
    "decorated": "@__import__('os').system\n" + SCORE + " return 1\n",
    "default": "def score(request, replica, fleet, p=__import__('os')):\n return 1\n",
    "only a comment": "# nothing\n",
    "blank": "   \n\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_programs_are_refused_within_a_second(text):
    start = time.perf_counter()
    with pytest.raises(faults.InputFault) as caught:
        check.check("router", text, ())
    assert time.perf_counter() - start < 1
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_refusal_does_not_depend_on_the_depth_of_the_callers_stack():
    def deeper(levels: int) -> str:
        if levels:
            return deeper(levels - 1)
        with pytest.raises(faults.InputFault) as caught:
            check.check("router", HOSTILE["minus signs"], ("a",))
        return str(caught.value)

    assert "nested more than 20 deep" in deeper(0)
    assert "nested more than 20 deep" in deeper(300)


def mutated(text: str, dice: random.Random) -> str:
    """The text with a few characters or words lost, doubled, swapped or replaced."""
    for _ in range(dice.randint(1, 4)):
        at, length = dice.randrange(len(text)), dice.choice([1, 1, 1, 5, 30])
        piece = dice.choice(
            ["", text[at : at + length] * 2, dice.choice(string.printable), " * ", "(", ")", "not ", "1e999"]
        )
        text = text[:at] + piece + text[at + length :]
    return text


def test_mutated_programs_are_refused_or_run():
    dice = random.Random(0)  # noqa: S311  # a seeded test, no secret
    view = {"request": dict.fromkeys(fields.REQUEST_COLUMNS, 0.5), "fleet": dict.fromkeys(fields.FLEET_COLUMNS, 2.0)}
    replica = dict.fromkeys(fields.REPLICA_COLUMNS, 3.0)
    accepted = 0
    for _ in range(1500):
        policy = document.load(dice.choice(["hra-spf-aged", "p2c", "elephant", "expert"]))
        try:
            changed = policy.model_validate({**policy.model_dump(), "router": mutated(policy.router, dice)})
        except (faults.InputFault, ValueError):
            continue
        accepted += 1
        owners = {**view, "replica": replica, "p": interpret.values(changed)}
        with contextlib.suppress(faults.PolicyFault):
            interpret.prepare(changed, "score")(owners, [replica])
        render.render(changed.programs["router"].program)
    assert accepted > 30


DOCUMENT = document.dumps(document.load("hra-spf-aged"))


def test_mutated_documents_are_refused_or_read():
    dice = random.Random(1)  # noqa: S311  # a seeded test, no secret
    for _ in range(500):
        with contextlib.suppress(faults.InputFault):
            document.loads(mutated(DOCUMENT, dice), place="mutant.yaml")


BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

DOCUMENTS = {
    "empty": ("", "mapping"),
    "a list": ("- 1\n", "mapping"),
    "a word": ("llq", "mapping"),
    "two documents": ("name: a\n---\nname: b\n", "line 2"),
    "alias bomb": (BOMB, "alias"),
    "python object": ("name: !!python/object/apply:os.system [ls]\n", "line 1"),
    "set": ("name: !!set {a}\n", "line 1"),
    "null byte": ("name: a\0b\n", "bomb.yaml"),
    "tab": ("name:\n\tx: 1\n", "line 2"),
    "unclosed": ("name: [a\n", "bomb.yaml"),
    "deep": ("[" * 30_000, "bomb.yaml"),
    "deep mapping": ("{a: " * 15_000, "bomb.yaml"),
    "beyond unicode": ('name: "\\UFFFFFFFF"\n', "bomb.yaml"),
    "surrogate": ('name: "\\ud800"\n', "surrogate"),
    "key twice": ("name: a\nname: b\n", "line 2"),
    "list as key": ("? [a]\n: b\n", "line 1"),
    "large": ("# " + "x" * 70_000, "65536"),
    "merge": (DOCUMENT + "<<: {scheduler: x}\n", "'<<' is not a key"),
    "impossible date": (DOCUMENT + "since: 2024-13-45\n", "bomb.yaml"),
}


@pytest.mark.parametrize(("text", "words"), DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_hostile_documents_are_refused_with_their_place(text, words):
    with pytest.raises(faults.InputFault, match=r"^bomb\.yaml") as caught:
        document.loads(text, place="bomb.yaml")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_a_readable_file_is_refused(tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "large.yaml").write_bytes(b"#" * 70_000)
    (tmp_path / "latin.yaml").write_bytes(b"name: a\nrationale: caf\xe9\n")
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, words in (
        ("folder.yaml", "not a regular file"),
        ("pipe.yaml", "not a regular file"),
        ("missing.yaml", "no such file"),
        ("large.yaml", "larger than the 65,536 bytes"),
        ("latin.yaml", "line 2: not UTF-8"),
        ("a" * 5000 + ".yaml", "not readable"),
        ("null\0.yaml", "no such file"),
    ):
        with pytest.raises(faults.InputFault, match=words):
            document.load(tmp_path / name)


@pytest.mark.parametrize("name", ["lql", "a" * 5000, "", "\0", "./llq", "../llq", "~"])
def test_what_is_neither_a_policy_nor_a_file_is_refused(name):
    with pytest.raises(faults.InputFault, match="YAML file"):
        document.load(name)


def test_the_nearest_policy_is_named():
    with pytest.raises(faults.InputFault, match=r"did you mean 'hra-spf'\?"):
        document.load("hra_spf")
    assert "llq" in catalogue.names()

"""Analysis code sees the requests of a run, and nothing else; every failure is a sentence."""

from __future__ import annotations

import pathlib
import time

import pytest

from glia_operator.research import acts, analysis
from glia_sim import fleet_file
from glia_sim.engine import run as runs
from glia_sim.policy import compile as programs
from glia_sim.policy import document
from glia_sim.workload import readers

SMALL = {"e2e_s": [1.0, 2.0, None, 4.0], "prompt_tokens": [10, 20, 30, 40]}


@pytest.fixture(scope="module")
def played():
    """A short run with a timeline."""
    workload = readers.read("synthetic:paper?requests=200&rate=9&seed=4")
    program = programs.compile(document.load("llq"))
    return runs.simulate(fleet_file.load("paper-a10x4"), workload, program, timeline_s=1.0)


def test_columns_are_those_that_a_model_is_told_of(played):
    found = analysis.columns(played)
    assert tuple(found) == acts.COLUMNS
    assert {len(column) for column in found.values()} == {200}
    assert found["prompt_tokens"] == played.prompt_tokens.tolist()
    assert found["e2e_s"][0] == pytest.approx(played.finish_s[0] - played.arrival_s[0])
    stages = [found[name][5] for name in ("arrival_s", "dispatch_s", "first_exec_s")]
    assert stages == sorted(stages)


def test_code_over_a_run_gives_what_python_gives(played):
    code = "kept = [x for x in data['e2e_s'] if x is not None]\nprint(len(kept))\nsum(kept) / len(kept)"
    lines = analysis.run(code, analysis.columns(played)).splitlines()
    done = played.status == 0
    assert lines[0] == str(done.sum())
    assert float(lines[1].removeprefix("Value: ")) == pytest.approx((played.finish_s - played.arrival_s)[done].mean())


def test_what_never_happened_is_none():
    assert analysis.run("data['e2e_s'][2]", SMALL).startswith("The code ran; it printed nothing")
    assert analysis.run("print([x for x in data['e2e_s'] if x is None])", SMALL) == "[None]"


FAILURES = {
    "import socket": "No module named 'socket'",
    "import subprocess": "No module named 'subprocess'",
    "import numpy": "No module named 'numpy'",
    "open('/etc/passwd').read()": "PermissionError",
    "import os\nos.listdir('/')": "PermissionError",
    "import os\nos.environ": "not supported",
    "from pathlib import Path\nPath('/etc/hostname').read_text()": "PermissionError",
    "open('owned.txt', 'w').write('x')": "Error",
    "__import__('os').system('true')": "NameError",
    "1 / 0": "line 1: ZeroDivisionError",
    "x = 1\ndata['nothing']": "line 2: KeyError",
    "def f(:": "SyntaxError",
    "def f():\n    return f()\nf()": "RecursionError",
    "[0] * 10**9": "memory limit exceeded",
    "2 ** 10**9": "Error",
    "(" * 3_000: "SyntaxError",
    "raise SystemExit(3)": "The code failed",
    "raise KeyboardInterrupt": "The code failed",
    "\x00": "SyntaxError",
    "while True:\n    pass": "time limit exceeded",
    "x = []\nwhile True:\n    x.append('a' * 1000000)": "memory limit exceeded",
    "while True:\n    print('x' * 1000)": "limit exceeded",
    "x" * 5_000: "at most 4000 are run",
}


@pytest.mark.parametrize("code", FAILURES, ids=lambda code: repr(code[:24]))
def test_every_failure_is_a_sentence_and_ends_soon(code):
    began = time.perf_counter()
    answer = analysis.run(code, SMALL)
    assert FAILURES[code] in answer
    assert len(answer) <= analysis.MOST_CHARACTERS + 300
    assert time.perf_counter() - began < analysis.PATIENCE_S
    assert not pathlib.Path("owned.txt").exists()


def test_what_was_printed_before_a_failure_is_kept():
    assert analysis.run("print('so far')\n1 / 0", SMALL).startswith("so far\nThe code failed")


def test_long_answers_are_cut_and_say_so():
    answer = analysis.run("print('x' * 30000)\n7", SMALL)
    assert len(answer) < analysis.MOST_CHARACTERS + 300
    assert "(cut: 30009 characters in all)" in answer
    assert answer.endswith("Value: 7")


def test_answers_hold_no_control_characters():
    assert analysis.run("print('a\\x1b[31mb\\x07')", SMALL) == "a[31mb"


def test_chance_and_time_stand_still():
    code = "import random, time\nprint(random.random(), time.time())"
    assert analysis.run(code, SMALL) == analysis.run(code, SMALL)


def test_a_sandbox_that_cannot_start_is_a_sentence(monkeypatch):
    monkeypatch.setenv("MONTY_BIN", "/nowhere/monty")
    assert analysis.run("1", SMALL).startswith("The sandbox failed: ")

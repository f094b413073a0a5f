"""Bad input is one sentence that names the place, exit status 2, no traceback, nothing written."""

from __future__ import annotations

import pytest

from glia_operator.cli import main

HEADER = "arrival_s,prompt_tokens,output_tokens\n"
TRACES = {
    "empty": "",
    "header only": HEADER,
    "unsorted": HEADER + "2,10,10\n1,10,10\n",
    "negative": HEADER + "0,-5,10\n",
    "not a number": HEADER + "0,ten,10\n",
    "longer than the replica": HEADER + "0,10,10\n1,60000,10\n",
}
PROGRAMS = {
    "unknown field": "def score(request, replica, fleet, p):\n    return replica.kv_fre\n",
    "endless loop": "def score(request, replica, fleet, p):\n    while True:\n        pass\n",
    "import": "import os\ndef score(request, replica, fleet, p):\n    return 1\n",
    "division by zero": "def score(request, replica, fleet, p):\n    return 1 / (request.u1 - request.u1)\n",
    "not a number": "def score(request, replica, fleet, p):\n    return log(0 - request.prompt_tokens)\n",
    "ten thousand lines": "def score(request, replica, fleet, p):\n" + "    x = 1\n" * 10_000 + "    return x\n",
}


def refused(arguments, capsys, folder):
    before = sorted(folder.rglob("*"))
    assert main.main(arguments) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "Traceback" not in streams.err
    sentence = streams.err.strip().splitlines()[-1]
    assert sentence.startswith("glia: ")
    assert sorted(folder.rglob("*")) == before
    return sentence


@pytest.mark.parametrize("text", TRACES.values(), ids=TRACES.keys())
@pytest.mark.parametrize("command", [["simulate", "--policy", "llq"], ["optimize"]])
def test_a_bad_trace_is_refused_with_its_name(command, text, capsys, tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(text)
    out = ["--out", str(tmp_path / "out")] if command[0] == "optimize" else []
    sentence = refused([*command, "--fleet", "paper-a10x4", "--trace", str(path), *out], capsys, tmp_path)
    assert "trace.csv" in sentence


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_a_bad_program_is_refused_with_its_place(text, capsys, tmp_path):
    path = tmp_path / "policy.yaml"
    body = "".join(f"  {line}\n" for line in text.splitlines())
    path.write_text(f"name: bad\nrationale: a test\nparameters: {{}}\nrouter: |\n{body}")
    arguments = ["simulate", "--fleet", "paper-a10x4", "--trace", "synthetic:paper?requests=30", "--policy", str(path)]
    sentence = refused(arguments, capsys, tmp_path)
    assert "policy.yaml" in sentence


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--fleet", "no-such-fleet"),
        ("--trace", "no/such/file.csv"),
        ("--policy", "no-such-policy"),
    ],
)
def test_an_unknown_name_is_refused(option, value, capsys, tmp_path):
    chosen = {"--fleet": "paper-a10x4", "--trace": "synthetic:paper?requests=30", "--policy": "llq", option: value}
    arguments = ["simulate", *(word for pair in chosen.items() for word in pair)]
    assert value.split("/")[-1] in refused(arguments, capsys, tmp_path)


@pytest.mark.parametrize("budget", ["0", "many", "3 hours"])
def test_a_budget_that_means_nothing_is_refused(budget, capsys, tmp_path):
    arguments = ["optimize", "--fleet", "paper-a10x4", "--trace", "synthetic:paper?requests=30", "--budget", budget]
    assert "--budget" in refused([*arguments, "--out", str(tmp_path / "out")], capsys, tmp_path)

"""`glia optimize --brain openai` says in one sentence what is wrong with the model, before it writes anything."""

from __future__ import annotations

import pytest

from glia_operator.cli import main

STUDY = ["optimize", "--fleet", "paper-a10x4", "--trace", "synthetic:paper?requests=20&rate=9", "--brain", "openai"]


@pytest.fixture
def optimize(monkeypatch, capsys, tmp_path):
    """Runs the command; gives its exit status, what it said, and the names of what it left."""

    def run(**environment):
        for name in ("GLIA_MODEL", "GLIA_MODEL_URL", "GLIA_MODEL_KEY", "OPENAI_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["glia", *STUDY, "--out", str(tmp_path / "out")])
        with pytest.raises(SystemExit) as ended:
            main.run()
        out, err = capsys.readouterr()
        return ended.value.code, out + err, [path.name for path in tmp_path.rglob("*")]

    return run


def test_a_model_that_nobody_named(optimize):
    status, told, left = optimize()
    assert status == 2
    assert "no model is named: set GLIA_MODEL" in told
    assert left == []


def test_a_wrong_key(optimize, scripted, said):
    scripted.greet = said.status(401, f"Incorrect API key: {said.key}")
    status, told, left = optimize(GLIA_MODEL="m", GLIA_MODEL_URL=scripted.url, GLIA_MODEL_KEY=said.key)
    assert status == 2
    assert "is the key right?" in told
    assert said.key not in told
    assert "Traceback" not in told
    assert left == []

"""The commands answer machines with the documented fields, and leave what they promise."""

from __future__ import annotations

import json

import pytest

from glia_operator.cli import main
from glia_sim.policy import document

ROW = {
    "policy",
    "requests",
    "mean_s",
    "p50_s",
    "p90_s",
    "p99_s",
    "ttft_mean_s",
    "ttft_p90_s",
    "restarted_share",
    "failed",
    "gpu_hours",
    "cpu_s",
}
SCENE = ["--fleet", "paper-a10x4", "--trace", "synthetic:paper?requests=250&rate=9&seed=4"]


def test_compare_answers_a_row_per_policy_in_the_order_asked(capsys):
    assert main.main(["compare", *SCENE, "--policies", "llq,rr", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["policies"]
    assert [row["policy"] for row in rows] == ["llq", "rr"]
    assert all(set(row) == ROW and row["requests"] == 250 for row in rows)


def test_simulate_writes_a_line_per_request(capsys, tmp_path):
    path = tmp_path / "requests.csv"
    assert main.main(["simulate", *SCENE, "--policy", "llq", "--requests-out", str(path)]) == 0
    assert len(path.read_text().splitlines()) == 251
    capsys.readouterr()


@pytest.fixture(scope="module")
def optimised(tmp_path_factory):
    """A small study, whole, in worker processes."""
    out = tmp_path_factory.mktemp("study")
    arguments = ["optimize", *SCENE, "--budget", "3", "--workers", "2", "--out", str(out), "--json"]
    return arguments, out


def test_optimize_answers_the_documented_fields_and_the_same_again(optimised, capsys):
    arguments, out = optimised
    assert main.main(arguments) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer["baseline"]) == set(answer["best"]) == ROW
    names = {"improvement", "interval", "experiments", "simulations", "wall_s", "approved"}
    assert set(answer) == names | {"baseline", "best", "policy", "report", "notebook"}
    assert 1 <= answer["experiments"] <= 3
    best = document.load(out / "policy.yaml")
    assert (best != document.load("llq")) == answer["approved"]
    report = (out / "report.html").read_text()
    assert "<script src=" not in report
    assert best.name in report
    notebook = (out / "notebook.jsonl").read_bytes()
    assert main.main(arguments) == 0
    again = json.loads(capsys.readouterr().out)
    assert (out / "notebook.jsonl").read_bytes() == notebook
    assert again["improvement"] == answer["improvement"]


def test_a_folder_of_another_study_is_refused(optimised, capsys):
    arguments, _ = optimised
    assert main.main([*arguments, "--seed", "5"]) == 2
    assert "another question" in capsys.readouterr().err

"""Compiled policies: loaded from the cache by a second process, retuned without compiling, harmless where absent."""

from __future__ import annotations

import math
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from glia_sim import faults
from glia_sim.policy import compile as compiler
from glia_sim.policy import document, interpret

SCORE = "def score(request, replica, fleet, p):\n"
ORDER = "def order(request, fleet, p):\n"


def router(*lines: str, order: str = "", **parameters: float) -> document.Policy:
    body = "".join(f"    {line}\n" for line in lines)
    declared = {
        name: document.Parameter(value=value, low=0, high=1e9, unit="1", meaning="a number")
        for name, value in parameters.items()
    }
    text = (f"{ORDER}    return {order}\n\n\n" if order else "") + SCORE + body
    return document.Policy(name="example", rationale="An example.", parameters=declared, router=text)


def test_absent_functions_answer_zero(compiled, one_view):
    program = compiler.compile(document.load("llq"))
    assert program.has_score
    assert [program.has_order, program.has_scheduler, program.has_autoscaler] == [False, False, False]
    for name in ("order", "priority", "replicas"):
        results, codes = compiled(program.policy, name, one_view(2))
        assert (results.tolist(), codes.tolist()) == ([[0.0]], [0])


def test_a_policy_without_a_router_scores_every_replica_alike(compiled, one_view):
    text = "def priority(request, fleet, p):\n    return request.sequence\n"
    policy = document.Policy(name="example", rationale="An example.", scheduler=text)
    assert not compiler.compile(policy).has_score
    assert compiled(policy, "score", one_view(3))[0].tolist() == [[0.0, 0.0, 0.0]]


def test_skip_and_block_are_the_infinities(compiled, one_view):
    policy = router(
        "if replica.index == 0:", "    return SKIP", "if replica.index == 1:", "    return BLOCK", "return 7"
    )
    scores, codes = compiled(policy, "score", one_view(3, replica_index=[0, 1, 2]))
    assert scores.tolist() == [[-math.inf, math.inf, 7.0]]
    assert codes.tolist() == [0]


@pytest.mark.parametrize(
    ("lines", "at"),
    [
        (["return 1 / replica.running"], (2, 14)),
        (["return 1 // replica.running"], (2, 14)),
        (["return 1 % replica.running"], (2, 14)),
        (["return log(replica.running)"], (2, 12)),
        (["return sqrt(replica.running - 1)"], (2, 12)),
        (["return exp(1000 + replica.running)"], (2, 12)),
        (["return 1e308 * 10"], (2, 18)),
        (["return (1 +", "    2 /  # a / comment", "    replica.running)"], (3, 11)),
        (["a = 1", "a /= replica.running", "return a"], (3, 7)),
        (["a = 1 / replica.running", "b = log(replica.running)", "return 5"], (2, 11)),
        (["return 1 if 1 / replica.running > 2 else 3"], (2, 19)),
        (["return max(1, 1 / replica.running)"], (2, 21)),
        (["return 1 / (1 / replica.running)"], (2, 19)),
    ],
)
def test_the_first_fault_is_named_by_line_and_column(lines, at, compiled, one_view):
    policy = router(*lines)
    _, codes = compiled(policy, "score", one_view(2, replica_running=[0, 0]))
    assert codes.tolist() == [at[0] * 1000 + at[1]]
    view = dict.fromkeys(("running",), 0.0)
    with pytest.raises(faults.PolicyFault) as caught:
        interpret.score(policy, {}, view, [view], {})
    assert (caught.value.line, caught.value.column) == at


@pytest.mark.parametrize(
    "lines",
    [
        ["return 0 if replica.running == 0 else 1 / replica.running"],
        ["if replica.running > 0 and 1 / replica.running < 2:", "    return 1", "return 0"],
        ["if replica.running == 0 or 1 / replica.running < 2:", "    return 0", "return 1"],
        ["if 1 < replica.running < 1 / replica.running:", "    return 1", "return 0"],
        ["if replica.running > 0:", "    return 1 / replica.running", "return 0"],
    ],
)
def test_what_is_not_evaluated_does_not_fault(lines, compiled, one_view):
    scores, codes = compiled(router(*lines), "score", one_view(2, replica_running=[0, 0]))
    assert (scores.tolist(), codes.tolist()) == ([[0.0, 0.0]], [0])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("lines", [["return replica.running"], ["return 1 if replica.running > 1 else 0"]])
def test_a_field_that_is_not_finite_faults_where_it_is_read(lines, value, compiled, one_view):
    _, codes = compiled(router(*lines), "score", one_view(2, replica_running=[1, value]))
    assert codes[0] in {2012, 2017}


def test_a_fault_of_one_replica_is_found_behind_replicas_without(compiled, one_view):
    policy = router("return 1 / replica.running")
    assert compiled(policy, "score", one_view(3, replica_running=[2, 4, 0]))[1].tolist() == [2014]
    assert compiled(policy, "score", one_view(3, replica_running=[2, 4, 8]))[0].tolist() == [[0.5, 0.25, 0.125]]


def test_a_loop_runs_over_the_rows_that_the_fleet_vector_names(compiled, one_view):
    policy = router(
        "total = 0", "for other in fleet.replicas:", "    total += other.running", "return total - replica.running"
    )
    cells = {"replica_running": [1, 2, 4]}
    assert compiled(policy, "score", one_view(3, **cells))[0].tolist() == [[6.0, 5.0, 3.0]]
    assert compiled(policy, "score", one_view(3, fleet_rows=2, **cells))[0].tolist() == [[2.0, 1.0, -1.0]]
    assert compiled(policy, "score", one_view(3, fleet_rows=1e9, **cells))[0].tolist() == [[6.0, 5.0, 3.0]]
    assert compiled(policy, "score", one_view(3, fleet_rows=-5, **cells))[0].tolist() == [[-1.0, -2.0, -4.0]]


def test_other_values_use_the_same_machine_code(compiled, one_view):
    program = compiler.compile(document.load("hra-spf"))
    tuned = program.with_values({"m": 0.2})
    assert tuned.parameter_names == ("r", "m")
    assert (tuned.values.tolist(), program.values.tolist()) == ([0.6, 0.2], [0.6, 0.03])
    assert tuned.score is program.score
    assert tuned.policy.parameters["m"].value == 0.2
    on = one_view(2, replica_kv_blocks=1000, replica_block_size=16, replica_in_flight=1, replica_kv_used=[800, 900])
    assert compiled(program.policy, "score", on)[0].tolist() == [[-800.0, -900.0]]
    assert compiled(tuned.policy, "score", on)[0].tolist() == [[-800.0, math.inf]]
    with pytest.raises(faults.InputFault, match="parameter m is 3"):
        program.with_values({"m": 3})


def test_the_same_function_of_two_policies_is_compiled_once():
    hra, fifo = (compiler.compile(document.load(name)) for name in ("hra-spf", "hra-fifo"))
    assert hra.score is fifo.score
    assert hra.order is not fifo.order


@pytest.mark.parametrize(
    ("order", "static"),
    [
        ("", True),
        ("request.prompt_tokens * p.r + request.u1 - request.u2 - request.sequence", True),
        ("request.waited_s * p.r", False),
        ("fleet.held * p.r", False),
    ],
)
def test_an_order_is_static_when_nothing_it_reads_changes_while_a_request_is_held(order, static):
    policy = router("return 1" if order else "return p.r", order=order, r=1)
    assert compiler.compile(policy).order_is_static is static


def test_reads_are_those_of_all_functions():
    text = "def priority(request, fleet, p):\n    return request.prompt_tokens\n"
    policy = document.load("llq").model_copy(update={"scheduler": text})
    assert compiler.compile(policy).reads == {"replica.running", "replica.waiting", "request.prompt_tokens"}


def test_a_program_travels_between_processes_as_its_policy():
    program = compiler.compile(document.load("hra-spf")).with_values({"r": 0.25})
    again = pickle.loads(pickle.dumps(program))  # noqa: S301  # our own bytes
    assert again.policy == program.policy
    assert np.array_equal(again.values, program.values)
    assert again.score is program.score


PROCESS = """
from glia_sim.policy import compile, document
program = compile.compile(document.load("expert"))
print(*(entry.cache_hits for entry in (program.order, program.score, program.priority, program.replicas)))
"""


def run_process(**environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if key not in {"XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "HOME"}}
    return subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-c", PROCESS], env=kept | environment, capture_output=True, text=True, check=False
    )


def test_a_second_process_loads_what_the_first_compiled(tmp_path):
    first, second = (run_process(XDG_CACHE_HOME=str(tmp_path)) for _ in range(2))
    assert (first.stdout, second.stdout) == ("0 0 0 0\n", "1 1 1 1\n")
    folder = tmp_path / "glia" / "policies"
    assert folder.stat().st_mode & 0o777 == 0o700
    sources = sorted(folder.glob("glia_policy_*.py"))
    assert len(sources) == 3  # what stands in for two absent functions is the same
    sources[0].write_text("raise SystemExit('tampered')\n")
    repaired = run_process(XDG_CACHE_HOME=str(tmp_path))
    assert repaired.returncode == 0, repaired.stderr
    assert "numba" in sources[0].read_text()


def test_the_cache_folder_is_named_by_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert compiler.cache_folder() == tmp_path / ".cache" / "glia" / "policies"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert compiler.cache_folder() == tmp_path / "xdg" / "glia" / "policies"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert compiler.cache_folder() == tmp_path / "numba" / "policies"


def test_a_cache_that_cannot_be_written_is_the_users_to_mend(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(faults.InputFault, match="set XDG_CACHE_HOME to a folder that can be written"):
        compiler.cache_folder()


def test_a_missing_home_is_the_users_to_mend(monkeypatch):
    def homeless(_path: pathlib.Path) -> pathlib.Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(pathlib.Path, "expanduser", homeless)
    with pytest.raises(faults.InputFault, match="there is no home folder"):
        compiler.cache_folder()

"""The engine reproduces what vLLM's own scheduler did, and says so where it does not."""

from __future__ import annotations

import json
import pathlib
import shutil

import pytest

from glia_sim import __main__ as command
from glia_sim import oracle

FIXTURES = pathlib.Path(__file__).parent / "fixtures"


def mismatches(folder):
    """Names and first mismatches of the configurations that are not exact, and how many there are in all."""
    results = list(oracle.check(folder))
    return len(results), [(result.name, result.mismatch) for result in results if result.mismatch]


def test_every_recorded_configuration_is_exact(data_dir):
    assert mismatches(data_dir / "vllm_oracle") == (16, [])


def test_the_four_configurations_that_travel_with_the_code_are_exact():
    assert mismatches(FIXTURES) == (4, [])


@pytest.fixture
def one(tmp_path):
    """A copy of one configuration."""
    name = "async_priority_tight"
    shutil.copytree(FIXTURES / "traces", tmp_path / "traces")
    shutil.copytree(FIXTURES / "out" / name, tmp_path / "out" / "one")
    settings = json.loads((FIXTURES / "configs.json").read_text())[name]
    (tmp_path / "configs.json").write_text(json.dumps({"one": settings}))
    return tmp_path


@pytest.mark.parametrize(
    ("file", "line", "column", "wrong", "found"),
    [
        ("requests.csv", 70, 8, 1e-5, "request 69: finish_s"),
        ("requests.csv", 5, 6, -1e-5, "request 4: first_exec_s"),
        ("preemptions.csv", 3, 2, 1, "preemption 2: id"),
    ],
)
def test_one_wrong_number_is_named_and_gives_status_1(one, capsys, file, line, column, wrong, found):
    assert command.main(["oracle", str(one)]) == 0
    path = one / "out" / "one" / file
    lines = path.read_text().splitlines()
    cells = lines[line].split(",")
    cells[column] = f"{float(cells[column]) + wrong:.6f}"
    path.write_text("\n".join([*lines[:line], ",".join(cells), *lines[line + 1 :]]) + "\n")
    capsys.readouterr()
    assert command.main(["oracle", str(one)]) == 1
    told = capsys.readouterr().out
    assert found in told
    assert "0 of 1 exact" in told


def test_another_setting_than_vllm_ran_with_gives_status_1(one, capsys):
    settings = json.loads((one / "configs.json").read_text())
    settings["one"]["num_blocks"] += 1
    (one / "configs.json").write_text(json.dumps(settings))
    assert command.main(["oracle", str(one)]) == 1
    assert "vLLM has" in capsys.readouterr().out


@pytest.mark.parametrize(
    "missing",
    ["configs.json", "out/one/iters.csv.gz", "out/one/preemptions.csv", "out/one/requests.csv", "traces/bursts.csv"],
)
def test_a_missing_file_is_one_sentence_and_status_2(one, capsys, missing):
    (one / missing).unlink()
    assert command.main(["oracle", str(one)]) == 2
    told = capsys.readouterr().err
    assert pathlib.Path(missing).name in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("configs.json", b"{"),
        ("configs.json", b"[]"),
        ("configs.json", b'{"one": {"num_blockz": 3}}'),
        ("out/one/iters.csv.gz", b"not gzip"),
        ("out/one/requests.csv", b"id,arrival_s\n0,soon\n"),
        ("out/one/preemptions.csv", b""),
        ("traces/bursts.csv", b"id,arrival_s\n0\n"),
    ],
)
def test_a_malformed_file_is_one_sentence_and_status_2(one, capsys, file, content):
    (one / file).write_bytes(content)
    assert command.main(["oracle", str(one)]) == 2
    told = capsys.readouterr().err
    assert "Traceback" not in told
    assert told.count("\n") == 1


def test_usage_is_told(capsys):
    assert command.main([]) == 2
    assert "usage" in capsys.readouterr().err

"""The engine reproduces what vLLM's own scheduler did, and says so where it does not."""

from __future__ import annotations

import json
import shutil

import pytest

from glia_sim import __main__ as command
from glia_sim import oracle


def test_every_recorded_configuration_is_exact(data_dir):
    results = list(oracle.check(data_dir / "vllm_oracle"))
    assert len(results) == 16
    assert [result for result in results if result.mismatch] == []


@pytest.fixture
def one(data_dir, tmp_path):
    """A copy of one recorded configuration."""
    source = data_dir / "vllm_oracle"
    shutil.copytree(source / "traces", tmp_path / "traces")
    shutil.copytree(source / "out" / "f1_longprefill256_T2", tmp_path / "out" / "one")
    settings = json.loads((source / "configs.json").read_text())["f1_longprefill256_T2"]
    (tmp_path / "configs.json").write_text(json.dumps({"one": settings}))
    return tmp_path


def test_one_wrong_number_is_a_mismatch_and_status_1(one, capsys):
    assert command.main(["oracle", str(one)]) == 0
    requests = one / "out" / "one" / "requests.csv"
    lines = requests.read_text().splitlines()
    cells = lines[100].split(",")
    cells[8] = f"{float(cells[8]) + 1e-5:.6f}"
    requests.write_text("\n".join([*lines[:100], ",".join(cells), *lines[101:]]) + "\n")
    assert command.main(["oracle", str(one)]) == 1
    assert "request 99: finish_s" in capsys.readouterr().out


@pytest.mark.parametrize("broken", ["configs.json", "out/one/iters.csv.gz"])
def test_a_missing_file_is_one_sentence_and_status_2(one, capsys, broken):
    (one / broken).unlink()
    assert command.main(["oracle", str(one)]) == 2
    assert broken.split("/")[-2 if "/" in broken else 0] in capsys.readouterr().err


def test_usage_is_told(capsys):
    assert command.main([]) == 2
    assert "usage" in capsys.readouterr().err

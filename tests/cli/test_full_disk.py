"""A result that the disk has no room for is refused in a sentence, and leaves nothing half-written behind."""

from __future__ import annotations

import resource

import pytest

from glia_operator.cli import files
from glia_sim import faults


@pytest.fixture
def small_files():
    """No file may grow beyond 10 kB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [10_001, 1_000_000])
def test_a_result_is_written_whole_or_not_at_all(tmp_path, small_files, size):
    path = tmp_path / "policy.yaml"
    files.write(path, "the old one")
    with pytest.raises(faults.InputFault, match=r"policy.yaml: not written: File too large"):
        files.write(path, "x" * size)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("policy.yaml", "the old one")]

"""What all tests share: where the recorded data stands."""

from __future__ import annotations

import os
import pathlib

import pytest

from glia_operator.emulator import settings
from glia_sim.engine import replica


@pytest.fixture(scope="session")
def data_dir() -> pathlib.Path:
    """Folder of recorded traces and ground truth: GLIA_DATA, or `shared/data` beside the checkout."""
    default = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = pathlib.Path(os.environ.get("GLIA_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no recorded data at {folder}: set GLIA_DATA to the folder that holds vllm_oracle/ and the traces")
    return folder


@pytest.fixture(scope="session")
def compiled():
    """The kernels of emulated servers, so that no client of a test waits for the compiler."""
    replica.warm_up(settings.load(None, settings.Flags()).group)

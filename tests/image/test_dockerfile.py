"""The Dockerfile pins what it takes, keeps no secret and ends as nobody; `make image` proves that its image runs."""

from __future__ import annotations

import pathlib
import re

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lines():
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_base_is_pinned_by_digest_and_can_be_replaced(lines):
    assert re.fullmatch(r"ARG BASE=python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", lines[0])
    assert [line for line in lines if line.startswith("FROM")] == ["FROM ${BASE} AS build", "FROM ${BASE}"]


def test_the_installer_is_the_one_that_developers_use(lines):
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    pinned = re.search(r"^UV_VERSION := (.*)$", makefile, re.MULTILINE)
    assert pinned is not None
    assert f"ARG UV_VERSION={pinned[1]}" in lines


def test_only_what_the_lock_names_is_installed(lines):
    syncs = [line for line in lines if "uv sync" in line]
    assert len(syncs) == 2
    assert all("--frozen" in line and "--no-dev" in line for line in syncs)


def test_the_process_is_a_numbered_nobody(lines):
    assert "USER 65532:65532" in lines
    assert not any(line.startswith(("ADD", "USER root", "USER 0")) for line in lines)


def test_settings_of_the_host_are_secrets_and_no_layers(lines):
    for line in lines:
        if "pip install" in line or "uv sync" in line:
            assert line.count("--mount=type=secret") == 2
    assert not any("index" in line.lower() or "http" in line.lower() for line in lines)


def test_the_context_is_closed_but_for_what_is_built():
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split("\n")
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {line for line in rules if line.startswith("!")} == {
        "!pyproject.toml",
        "!uv.lock",
        "!README.md",
        "!LICENSE",
        "!sim",
        "!operator",
    }


def test_the_version_is_the_packages(lines):
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.*)"$', project, re.MULTILINE)
    assert version is not None
    assert f"ARG VERSION={version[1]}" in lines

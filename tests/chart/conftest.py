"""Renders the chart with the real helm."""

from __future__ import annotations

import functools
import json
import pathlib
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from controlplane import faults
from controlplane import helm as programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "helm" / "glia-operator"
VALUES = pathlib.Path(__file__).parent / "values"
CASES = ("default", *sorted(path.stem for path in VALUES.glob("*.yaml")))
KUBERNETES = "1.36.4"
FAST = yaml.CSafeLoader
"""The definitions are long."""

Document = dict[str, Any]


class Rendered(list[Document]):
    """The objects of one rendering, hooks and tests included."""

    def of(self, kind: str) -> list[Document]:
        """All objects of a kind."""
        return [each for each in self if each["kind"] == kind]

    def one(self, kind: str, name: str = "glia-operator") -> Document:
        """The object of this kind and name."""
        (found,) = (each for each in self.of(kind) if each["metadata"]["name"] == name)
        return found

    def pods(self) -> Iterator[Document]:
        """The spec of every pod that may run."""
        for each in self:
            if each["kind"] == "Pod":
                yield each["spec"]
            elif each["kind"] in {"Deployment", "Job", "DaemonSet", "StatefulSet"}:
                yield each["spec"]["template"]["spec"]


@pytest.fixture(scope="session")
def chart() -> pathlib.Path:
    """Folder of the chart."""
    return CHART


@pytest.fixture(scope="session")
def repository() -> pathlib.Path:
    """Top of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def helm() -> pathlib.Path:
    """The pinned helm."""
    try:
        return programs.program()
    except faults.ClusterFault as fault:
        pytest.skip(f"no helm here, so nothing about the chart is tested: {fault}")


@pytest.fixture(scope="session")
def template(helm) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`helm template` with further words, whatever its exit status."""

    @functools.cache
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [helm, "template", "glia-operator", CHART, "-n", "glia-system", "--kube-version", KUBERNETES]
        return subprocess.run([*command, *words], capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def render(template) -> Callable[..., Rendered]:
    """The chart's objects for one of CASES and further `--set-json` pairs."""

    @functools.cache
    def parsed(*words: str) -> Rendered:
        answer = template(*words)
        assert answer.returncode == 0, answer.stderr
        return Rendered(each for each in yaml.load_all(answer.stdout, FAST) if each)

    def run(case: str = "default", **values: object) -> Rendered:
        words = [] if case == "default" else ["-f", str(VALUES / f"{case}.yaml")]
        for path, value in values.items():
            words += ["--set-json", f"{path.replace('__', '.')}={json.dumps(value)}"]
        return parsed(*words)

    return run


@pytest.fixture(params=CASES)
def rendered(request, render) -> Rendered:
    """Every case in turn."""
    return render(request.param)

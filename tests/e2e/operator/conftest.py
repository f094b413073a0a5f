"""Operators as processes of this machine, with the rights that the chart gives them, and short studies."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
import yaml

from controlplane import cluster as clusters
from stories import wishes

ROOT = pathlib.Path(__file__).resolve().parents[3]
SYSTEM = "glia-system"
USER = f"system:serviceaccount:{SYSTEM}:glia-operator"
NOT_HERE = {"Deployment", "Pod", "Job", "PodMonitor", "ServiceMonitor", "PrometheusRule", "PodDisruptionBudget"}
QUIET_S = 3.0


class Operator:
    """One process of `glia operate`, with a folder of its own that is wiped when it starts.

    `compiled` is a folder of the twin's machine code, as an image has it; None = it has to compile anew.
    """

    numbers = itertools.count(1)

    def __init__(self, kubeconfig, folder, *arguments, compiled=None):
        self.number = next(Operator.numbers)
        self.compiled = compiled
        self.folder = folder / f"operator-{self.number}"
        self.kubeconfig = kubeconfig
        self.arguments = arguments
        self.health, self.metrics = unused(), unused()
        self.log = folder / f"operator-{self.number}.log"
        self.process = None

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'sim'}",
        }
        for name in ("POD_NAME", "POD_NAMESPACE", "KUBERNETES_SERVICE_HOST"):
            environment.pop(name, None)
        if self.compiled is not None:
            environment["NUMBA_CACHE_DIR"] = str(self.compiled)
        command = [
            str(pathlib.Path(sys.prefix) / "bin" / "glia"),
            "operate",
            f"--health-port={self.health}",
            f"--metrics-port={self.metrics}",
            f"--identity=operator-{self.number}",
            "--workers=2",
            *self.arguments,
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                command, env=environment, cwd=self.folder, stdout=log, stderr=log
            )
        return self

    def kill(self):
        """SIGKILL, and nobody cleans up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, within_s=60):
        """SIGTERM; the exit status and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=within_s), time.monotonic() - began

    def ask(self, path, port=None):
        """What a server of it answers: status and text."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port or self.health}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    @property
    def role(self):
        status, text = self.ask("/readyz")
        return json.loads(text)["role"] if status else ""

    def lines(self):
        """Its log, parsed; a line that is not JSON fails the test that looks."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def unused():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def free_port():
    return unused


@pytest.fixture(scope="session")
def installed(cluster):
    """The chart's definitions, rights and admission policies, without its Deployment."""
    with contextlib.suppress(Exception):
        cluster.kubectl("create", "namespace", SYSTEM)
    rendered = cluster.helm("template", "glia-operator", str(ROOT / "helm" / "glia-operator"), "-n", SYSTEM)
    wanted = [one for one in yaml.safe_load_all(rendered) if one and one["kind"] not in NOT_HERE]
    wanted = [one for one in wanted if "helm.sh/hook" not in one["metadata"].get("annotations", {})]
    definitions = [one for one in wanted if one["kind"] == "CustomResourceDefinition"]
    cluster.apply(*definitions, namespace=SYSTEM)
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=240s", "-f", str(ROOT / "crds"))
    cluster.apply(*[one for one in wanted if one not in definitions], namespace=SYSTEM)
    return cluster


@pytest.fixture(scope="session")
def operator_kubeconfig(installed, tmp_path_factory):
    """A kubeconfig with a token of the operator's ServiceAccount."""
    admin = json.loads(installed.kubeconfig.read_text())
    token = installed.kubectl("create", "token", "glia-operator", "-n", SYSTEM, "--duration=10h").strip()
    one = {"name": "operator", "user": {"token": token}}
    context = {"name": "operator", "context": {"cluster": admin["clusters"][0]["name"], "user": "operator"}}
    content = {**admin, "users": [one], "contexts": [context], "current-context": "operator"}
    path = tmp_path_factory.mktemp("operator") / "kubeconfig"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="session")
def machine_code(tmp_path_factory):
    """What operators compile, kept from one to the next."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
def new_operator(installed, operator_kubeconfig, machine_code, tmp_path, namespace):
    """Starts operators that serve the test's namespace; all are killed at the end, and none may have broken down.

    A bare one finds nothing at all on its disk, not even machine code.
    """
    started = []

    def start(*arguments, kubeconfig=operator_kubeconfig, begin=True, everywhere=False, bare=False):
        own = arguments if everywhere else (f"--namespace={namespace}", *arguments)
        one = Operator(kubeconfig, tmp_path, *own, compiled=None if bare else machine_code)
        started.append(one)
        return one.start() if begin else one

    yield start
    for one in started:
        if one.process is not None and one.process.poll() is None:
            one.stop()
    for one in started:
        broken = [line for line in one.lines() if "exception" in line]
        assert not broken, broken[0]


@pytest.fixture
def wish(installed, namespace):
    """A wish whose surroundings are there; apply it to begin."""
    one = wishes.Wish(installed, namespace)
    one.surroundings()
    return one


@pytest.fixture
def new_wish(installed, namespace):
    def make(name, target="vllm"):
        one = wishes.Wish(installed, namespace, name, target)
        one.surroundings()
        return one

    return make


@pytest.fixture
def until_quiet(installed):
    """Waits until the operator has written nothing for a while, its Lease excepted."""

    def writes(mark):
        asked = (one for one in installed.requests(since=mark) if one.user == USER and one.resource != "leases")
        return [one for one in asked if one.verb not in ("get", "list", "watch")]

    def quiet():
        mark = installed.audit_mark()
        time.sleep(QUIET_S)
        return not writes(mark)

    return lambda: clusters.until("the operator rests", quiet)


@pytest.fixture
def same_end():
    """What of a wish must be the same, however often the operator died on the way."""

    def end(wish):
        policies = [
            (
                one["metadata"]["name"],
                one["spec"]["digest"],
                one["spec"]["evidence"]["examDigest"],
                one["status"]["phase"],
            )
            for one in wish.policies()
        ]
        records = [(one["kind"], one["key"], one["digest"]) for one in wish.records()]
        return wish.phase, policies, records

    return end

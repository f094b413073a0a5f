"""A cluster as tests use it: kubectl, helm, other users, the audit log, nodes that fail."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from controlplane import faults, helm, pki
from controlplane.agent import control

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KUBECTL = pathlib.Path(sys.prefix) / "bin" / "kubectl"
POLL_S = 0.1
COMMAND_S = 300.0
PATIENCE_S = 240.0
"""Of waits that end as soon as what is waited for is there; a busy machine needs minutes for what takes seconds."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answered request, as the API server's audit log has it."""

    user: str
    """Empty where the API server did not recognise who asked: a pod whose account was deleted, for example."""
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    agent: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster that answers now, as the bearer of one kubeconfig sees it."""

    kubeconfig: pathlib.Path
    folder: pathlib.Path | None
    """Its state on this machine; None for a cluster that somebody else made."""
    isolated: bool = False
    """Pods have addresses of their own, EndpointSlices, volumes and Services."""

    def kubectl(self, *arguments: str, given: str | None = None, timeout_s: float = COMMAND_S) -> str:
        """Runs kubectl, with `given` on its standard input; a failure is a fault with its words."""
        return self._run([str(KUBECTL), *arguments], given, timeout_s)

    def helm(self, *arguments: str, timeout_s: float = COMMAND_S) -> str:
        """Runs helm; a failure is a fault with its words."""
        return self._run([str(helm.program()), *arguments], None, timeout_s)

    def refusal(self, *arguments: str, given: str | None = None) -> str:
        """Runs a kubectl that must fail, and returns what it says; its success is a fault."""
        try:
            answer = self.kubectl(*arguments, given=given)
        except faults.ClusterFault as fault:
            return str(fault)
        raise faults.ClusterFault(f"`kubectl {' '.join(arguments)}` should have been refused, but answered {answer!r}")

    def until_may(self, verb: str, what: str, *, namespace: str = "default") -> None:
        """Waits until this user has a right: a binding counts once the API server's authoriser has heard of it."""
        until(f"the right to {verb} {what} counts in {namespace}", lambda: self.may(verb, what, namespace=namespace))

    def may(self, verb: str, what: str, *, namespace: str = "default") -> bool:
        """Whether this user has a right now, for example to `get` `pods/log` or `patch` `deployments.apps`."""
        whole, _, subresource = what.partition("/")
        resource, _, group = whole.partition(".")
        about = {"verb": verb, "group": group, "resource": resource, "subresource": subresource}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**about, "namespace": namespace}},
        }
        # Whoever may not list CRDs cannot have kubectl validate a review.
        asked = ("create", "--validate=false", "-f", "-", "-o", "json")
        return bool(json.loads(self.kubectl(*asked, given=json.dumps(review)))["status"]["allowed"])

    def get(self, *arguments: str) -> Any:
        """What `kubectl get ... -o json` answers; of several objects, the list of them."""
        answer = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return answer.get("items", answer)

    def apply(self, *objects: Mapping[str, Any], namespace: str = "default") -> None:
        """Applies objects to a namespace, strictly: unknown fields are refused."""
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.kubectl("apply", "--validate=strict", "-n", namespace, "-f", "-", given=document)

    def user(self, name: str, *groups: str) -> Cluster:
        """The same cluster as another user, who has a client certificate of it."""
        folder = self.own_folder("certificates for other users")
        server = json.loads(self.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        path = folder / f"user-{name.replace(':', '-')}.kubeconfig"
        path.write_text(pki.kubeconfig(folder / "pki", name, server_url=server, groups=groups))
        path.chmod(0o600)
        return dataclasses.replace(self, kubeconfig=path)

    def audit_mark(self) -> int:
        """A place in the audit log: what is asked from now on stands behind it."""
        return (self.own_folder("an audit log") / "audit.log").stat().st_size

    def requests(self, *, since: int = 0) -> Iterator[Request]:
        """All requests answered since a mark, in order."""
        with (self.own_folder("an audit log") / "audit.log").open("rb") as log:
            log.seek(max(since - 1, 0))
            if since:
                log.readline()
            for line in log:
                if line.endswith(b"\n"):
                    yield _request(json.loads(line))

    def node(self, name: str, verb: str) -> None:
        """Takes a node `down`, `cut-off`s it from the API server, or brings it `up`."""
        control.ask(str(self.own_folder("nodes that can fail") / "agent.sock"), {"node": name, "do": verb})

    def kill(
        self, pod: str, *, namespace: str = "default", container: str = "", number: signal.Signals = signal.SIGKILL
    ) -> None:
        """Sends a signal, SIGKILL if no other, to the first process of a pod's container."""
        question = {"pod": f"{namespace}/{pod}", "container": container, "signal": int(number)}
        control.ask(str(self.own_folder("processes of pods") / "agent.sock"), question)

    def log(self, pod: str, *, namespace: str = "default", container: str = "") -> str:
        """All that a pod's container has written, over all its starts; the first container where none is named.

        Logs outlive their pods; of several pods of one name the latest counts.
        """
        folders = (self.own_folder("logs on disk") / "logs" / "pods").glob(f"{namespace}_{pod}_*")
        latest = max(folders, key=lambda path: path.stat().st_mtime)
        starts = (latest / container if container else min(latest.iterdir())).glob("*.log")
        return "".join(path.read_text(errors="replace") for path in sorted(starts, key=lambda path: int(path.stem)))

    def own_folder(self, wanted: str) -> pathlib.Path:
        """The cluster's folder; a fault for clusters made elsewhere, which lack what is wanted."""
        if self.folder is None:
            raise faults.ClusterFault(f"{self.kubeconfig} names a cluster made elsewhere: it has no {wanted}")
        return self.folder

    def _run(self, command: list[str], given: str | None, timeout_s: float) -> str:
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        try:
            answer = subprocess.run(
                command, input=given, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            raise faults.ClusterFault(f"`{' '.join(command[:6])}` did not end within {timeout_s:.0f} s") from None
        if answer.returncode:
            raise faults.ClusterFault(f"`{' '.join(command[:6])}` failed: {(answer.stderr or answer.stdout).strip()}")
        return answer.stdout


def until(what: str, true: Callable[[], object], *, timeout_s: float = PATIENCE_S) -> Any:
    """Waits until `true()` is, and returns it; a fault that names `what` when time is over.

    A fault meanwhile means not yet: what is asked for may not be there, or its container may not have begun.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        last = ""
        try:
            value = true()
        except faults.ClusterFault as fault:
            value, last = None, f"; the last answer: {fault}"
        if value:
            return value
        if time.monotonic() > deadline:
            raise faults.ClusterFault(f"waited {timeout_s:.0f} s in vain until {what}{last}")
        time.sleep(POLL_S)


def _request(event: Mapping[str, Any]) -> Request:
    about = event.get("objectRef", {})
    return Request(
        user=event["user"].get("username", ""),
        verb=event["verb"],
        resource=about.get("resource", ""),
        subresource=about.get("subresource", ""),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        agent=event.get("userAgent", ""),
    )

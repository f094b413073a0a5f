"""Kubernetes objects that tests of clusters start from."""

from __future__ import annotations

import pathlib
from typing import Any

Document = dict[str, Any]

WITNESS = pathlib.Path(__file__).parent / "witness.py"
"""A small HTTP server that says what it sees and does what it is told."""
PORT = 8000
PATIENCE_S = 10
"""Of probes: a machine that tests keep busy answers late, and that is not what they are about."""


def witness_container(*, period_s: int = 1, linger_s: float = 0.0, image: str = "witness") -> Document:
    """A container that runs the witness; its readiness can be changed by a request."""
    return {
        "name": "witness",
        "image": image,
        "command": ["python", str(WITNESS), str(PORT)],
        "env": [{"name": "LINGER_S", "value": str(linger_s)}],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": "http"},
            "periodSeconds": period_s,
            "timeoutSeconds": PATIENCE_S,
            "failureThreshold": 1,
        },
    }


def deployment(name: str, *, replicas: int, container: Document | None = None, **pod: Any) -> Document:
    """A Deployment of witnesses, or of another container; `pod` are further fields of the pods' spec."""
    spec = {"containers": [container or witness_container()], "terminationGracePeriodSeconds": 5, **pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
        },
    }


def service(name: str) -> Document:
    """A Service on port 80 for the Deployment of the same name."""
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "http"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def pod(name: str, container: Document, **spec: Any) -> Document:
    """A single pod that is not restarted."""
    body = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 2, "containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": body}


def python(code: str, **container: Any) -> Document:
    """A container that runs a few lines of Python."""
    return {"name": "main", "image": "python", "command": ["python", "-c", code], **container}

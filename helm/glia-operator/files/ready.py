# ruff: noqa: INP001 - a script that the chart carries
"""`helm test`: the API server serves the custom resources, and the operator's Deployment and Lease are alive.

Asks the API server only, so that it holds under any NetworkPolicy. Arguments: namespace, name of the Deployment.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import pathlib
import ssl
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PLURALS = {"gliaoptimizations", "gliapolicies", "gliaassignments"}
ACCOUNT = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")
PATIENCE_S = 60.0
"""A new leader takes the Lease a moment after its pod is ready."""


def api(path: str) -> dict[str, Any]:
    """One object from the API server, with the pod's own token."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    server = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    token = (ACCOUNT / "token").read_text()
    request = urllib.request.Request(f"https://{server}{path}", headers={"Authorization": f"Bearer {token}"})
    trusted = ssl.create_default_context(cafile=ACCOUNT / "ca.crt")
    with urllib.request.urlopen(request, context=trusted, timeout=10) as answer:  # noqa: S310 - https alone
        found: dict[str, Any] = json.load(answer)
    return found


def troubles(read: Callable[[str], dict[str, Any]], namespace: str, name: str, now: dt.datetime) -> list[str]:
    """What is not well, one sentence each; nothing when all is."""
    rules = (
        lambda: _unserved(read("/apis/glia.dev/v1alpha1")),
        lambda: _unavailable(read(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status")),
        lambda: _leaderless(read(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}"), now),
    )
    return [sentence for rule in rules if (sentence := _asked(rule))]


def _asked(rule: Callable[[], str]) -> str:
    try:
        return rule()
    except urllib.error.HTTPError as error:
        return f"{error.url}: HTTP {error.code} {error.reason}"
    except OSError as error:
        return f"the API server does not answer: {error}"


def _unserved(group: dict[str, Any]) -> str:
    missing = PLURALS - {resource["name"] for resource in group["resources"]}
    return f"the API server does not serve {', '.join(sorted(missing))}: set crds.enabled=true" if missing else ""


def _unavailable(deployment: dict[str, Any]) -> str:
    if deployment["status"].get("availableReplicas"):
        return ""
    name, namespace = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
    return f"no pod of deployment {name} is available: kubectl -n {namespace} describe deployment {name}"


def _leaderless(lease: dict[str, Any], now: dt.datetime) -> str:
    spec = lease.get("spec", {})
    if not spec.get("holderIdentity") or "renewTime" not in spec:
        return "no operator holds the Lease"
    age_s = (now - dt.datetime.fromisoformat(spec["renewTime"])).total_seconds()
    if age_s <= 2 * spec["leaseDurationSeconds"]:
        return ""
    return f"{spec['holderIdentity']} leads but renewed its Lease {age_s:.0f} s ago"


def main() -> int:
    """Print what is not well and exit with 1; 0 when all is within PATIENCE_S."""
    namespace, name = sys.argv[1:3]
    deadline = time.monotonic() + PATIENCE_S
    while found := troubles(api, namespace, name, dt.datetime.now(dt.UTC)):
        if time.monotonic() > deadline:
            sys.stdout.write("\n".join(found) + "\n")
            return 1
        time.sleep(1.0)
    sys.stdout.write("the operator leads, its pod is available, and the API server serves its resources\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

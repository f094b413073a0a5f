"""What each program of the control plane is started with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from controlplane import layout, pki

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "disruption-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "statefulset-controller",
    "taint-eviction-controller",
    "ttl-after-finished-controller",
    "validatingadmissionpolicy-status-controller",
)
NODE_GRACE_S = 20
"""A node whose lease is this old is NotReady (50 s in production): tests wait for it."""
EVICTION_S = 15
"""Pods of a NotReady node are evicted after this long (300 s in production)."""
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
ADMIN = "glia-test-admin"
AGENT = "glia-node-agent"


def prepare(plan: layout.Layout, *, node_count: int) -> None:
    """Writes certificates, kubeconfigs and the audit policy of a new cluster."""
    plan.logs.mkdir(parents=True, exist_ok=True)
    pki.authority(plan.pki)
    addresses = [plan.api_address, "127.0.0.1", layout.API_SERVICE]
    names = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ]
    pki.server(plan.pki, "apiserver", addresses=addresses, names=names)
    nodes = [plan.node_address(index) for index in range(node_count)]
    pki.server(plan.pki, "kubelet", addresses=nodes or ["127.0.0.1"], names=["kubelet"])
    users = {
        plan.kubeconfig: (ADMIN, ["system:masters"]),
        plan.pki / "agent.kubeconfig": (AGENT, ["system:masters"]),
        plan.pki / "controllers.kubeconfig": ("system:kube-controller-manager", []),
        plan.pki / "scheduler.kubeconfig": ("system:kube-scheduler", []),
    }
    for path, (name, groups) in users.items():
        path.write_text(pki.kubeconfig(plan.pki, name, server_url=plan.api_url, groups=groups))
        path.chmod(0o600)
    (plan.folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))


def commands(plan: layout.Layout, programs: Mapping[str, pathlib.Path]) -> dict[str, list[str]]:
    """Command line of each program, in the order of starting."""
    flags = {
        "etcd": _etcd(plan),
        "kube-apiserver": _apiserver(plan),
        "kube-controller-manager": _controllers(plan),
        "kube-scheduler": _scheduler(plan),
    }
    return {
        name: [str(programs[name]), *(f"--{key}={value}" for key, value in given.items())]
        for name, given in flags.items()
    }


def _etcd(plan: layout.Layout) -> dict[str, str]:
    client, peer = f"http://127.0.0.1:{plan.etcd_client_port}", f"http://127.0.0.1:{plan.etcd_peer_port}"
    return {
        "data-dir": str(plan.folder / "etcd"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }


def _apiserver(plan: layout.Layout) -> dict[str, str]:
    return {
        "etcd-servers": f"http://127.0.0.1:{plan.etcd_client_port}",
        "bind-address": "0.0.0.0" if plan.isolated else plan.api_address,  # noqa: S104 - all addresses of its own namespace
        "advertise-address": "10.99.0.1",
        "secure-port": str(plan.api_port),
        "tls-cert-file": str(plan.pki / "apiserver.crt"),
        "tls-private-key-file": str(plan.pki / "apiserver.key"),
        "client-ca-file": str(plan.pki / "ca.crt"),
        "service-cluster-ip-range": layout.SERVICE_RANGE,
        "allow-privileged": "true",
        "authorization-mode": "RBAC",
        "endpoint-reconciler-type": "none",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": str(plan.pki / "service-account.pub"),
        "service-account-signing-key-file": str(plan.pki / "service-account.key"),
        "default-not-ready-toleration-seconds": str(EVICTION_S),
        "default-unreachable-toleration-seconds": str(EVICTION_S),
        "audit-policy-file": str(plan.folder / "audit-policy.json"),
        "audit-log-path": str(plan.audit_log),
        "audit-log-maxsize": "4096",
        "profiling": "false",
    }


def _controllers(plan: layout.Layout) -> dict[str, str]:
    return {
        "kubeconfig": str(plan.pki / "controllers.kubeconfig"),
        "authentication-kubeconfig": str(plan.pki / "controllers.kubeconfig"),
        "authorization-kubeconfig": str(plan.pki / "controllers.kubeconfig"),
        "bind-address": "127.0.0.1",
        "secure-port": str(plan.controllers_port),
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": str(plan.pki / "service-account.key"),
        "root-ca-file": str(plan.pki / "ca.crt"),
        "controllers": ",".join(CONTROLLERS),
        "node-monitor-period": "1s",
        "node-monitor-grace-period": f"{NODE_GRACE_S}s",
    }


def _scheduler(plan: layout.Layout) -> dict[str, str]:
    return {
        "kubeconfig": str(plan.pki / "scheduler.kubeconfig"),
        "authentication-kubeconfig": str(plan.pki / "scheduler.kubeconfig"),
        "authorization-kubeconfig": str(plan.pki / "scheduler.kubeconfig"),
        "bind-address": "127.0.0.1",
        "secure-port": str(plan.scheduler_port),
        "leader-elect": "false",
    }

"""`helm test`: the API server serves the custom resources, and the operator's Deployment and Lease are alive.

Asks the API server only, so that it holds under any NetworkPolicy. Arguments: namespace, name of the Deployment.
"""

from __future__ import annotations

import datetime
import sys

import kubernetes

PLURALS = {"gliaoptimizations", "gliapolicies", "gliaassignments"}


def faults(namespace: str, name: str) -> list[str]:
    """What is not well, one sentence each; nothing when all is."""
    found = []
    served = kubernetes.client.CustomObjectsApi().get_api_resources("glia.dev", "v1alpha1")
    missing = PLURALS - {resource.name for resource in served.resources}
    if missing:
        found.append(f"the API server does not serve {', '.join(sorted(missing))}: set crds.enabled=true and upgrade")
    status = kubernetes.client.AppsV1Api().read_namespaced_deployment_status(name, namespace).status
    if not status.available_replicas:
        found.append(f"deployment {name} has no available pod: kubectl -n {namespace} describe deployment {name}")
    lease = kubernetes.client.CoordinationV1Api().read_namespaced_lease(name, namespace).spec
    age = datetime.datetime.now(datetime.UTC) - lease.renew_time if lease.renew_time else datetime.timedelta.max
    if age > datetime.timedelta(seconds=4 * (lease.lease_duration_seconds or 15)):
        found.append(f"lease {name} was last renewed {age} ago by {lease.holder_identity}: no operator leads")
    return found


def main() -> int:
    """Print what is not well; exit status 1 where something is."""
    kubernetes.config.load_config()
    found = faults(*sys.argv[1:3])
    sys.stdout.write("\n".join(found or ["the operator is ready and its resources are served"]) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

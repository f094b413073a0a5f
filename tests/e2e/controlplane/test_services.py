"""Services have addresses and names that answer, and logs are read as on any cluster."""

from __future__ import annotations

import urllib.request

import pytest

from controlplane import cluster as clusters
from controlplane import objects

TWO_STARTS = """
import os, sys, time
start = len(os.listdir("/n"))
open(f"/n/{start}", "w").close()
print("start", start, flush=True)
time.sleep(99 * start)
sys.exit(1)
"""
FETCH = "import urllib.request as u; print(u.urlopen('http://{host}/env', timeout=30).status)"


@pytest.fixture
def web(local_cluster, namespace):
    cluster = local_cluster
    cluster.apply(objects.service("web"), objects.deployment("web", replicas=2), namespace=namespace)
    cluster.kubectl("rollout", "status", "deploy/web", "-n", namespace, "--timeout=240s")
    return cluster


def test_endpoint_slices_list_the_addresses_of_the_pods(web, namespace):
    def addresses():
        slices = web.get("endpointslices", "-n", namespace, "-l", "kubernetes.io/service-name=web")
        return sorted(address for each in slices for entry in each["endpoints"] or [] for address in entry["addresses"])

    pods = sorted(pod["status"]["podIP"] for pod in web.get("pods", "-n", namespace))
    assert len(pods) == 2
    clusters.until("the slices hold both", lambda: addresses() == pods)


def test_a_pod_reaches_a_service_by_name_and_tests_reach_pods_by_address(web, namespace):
    for host in ("web", f"web.{namespace}", f"web.{namespace}.svc.cluster.local"):
        name = f"by-{host.count('.')}"
        web.apply(objects.pod(name, objects.python(FETCH.format(host=host))), namespace=namespace)
        web.kubectl(
            "wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{name}", "-n", namespace, "--timeout=240s"
        )
        assert web.log(name, namespace=namespace) == "200\n"
    address = web.get("pods", "-n", namespace, "-l", "app=web")[0]["status"]["podIP"]
    with urllib.request.urlopen(f"http://{address}:8000/ready", timeout=30) as answer:
        assert answer.status == 200


def test_a_name_that_is_not_there_is_refused(local_cluster, namespace):
    cluster = local_cluster
    cluster.apply(objects.pod("lost", objects.python(FETCH.format(host="nobody"))), namespace=namespace)
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/lost", "-n", namespace, "--timeout=240s")
    assert "Name or service not known" in cluster.log("lost", namespace=namespace)


def test_kubectl_reads_logs_of_this_and_of_the_previous_start(local_cluster, namespace):
    cluster = local_cluster
    container = objects.python(TWO_STARTS, volumeMounts=[{"name": "n", "mountPath": "/n"}])
    keep = objects.pod("twice", container, volumes=[{"name": "n", "emptyDir": {}}], restartPolicy="OnFailure")
    cluster.apply(keep, namespace=namespace)
    clusters.until("it has restarted", lambda: "start 1" in cluster.kubectl("logs", "twice", "-n", namespace))
    assert cluster.kubectl("logs", "twice", "-n", namespace, "--previous") == "start 0\n"
    assert cluster.log("twice", namespace=namespace) == "start 0\nstart 1\n"

"""Every pod of the chart passes the restricted Pod Security Standard, and survives what clusters do to pods."""

from __future__ import annotations

import dask.config


def containers(pod):
    return [*pod["containers"], *pod.get("initContainers", [])]


def test_every_container_is_restricted(rendered):
    for pod in rendered.pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["runAsNonRoot"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_no_pod_shares_anything_with_its_node(rendered):
    for pod in rendered.pods():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        kinds = {kind for volume in pod.get("volumes", []) for kind in volume} - {"name"}
        assert kinds <= {"emptyDir", "secret"}
        assert all("hostPort" not in port for each in containers(pod) for port in each.get("ports", []))


def test_every_writable_folder_has_a_size(rendered):
    for pod in rendered.pods():
        mounts = [mount for each in containers(pod) for mount in each.get("volumeMounts", [])]
        writable = {mount["name"] for mount in mounts if not mount.get("readOnly")}
        folders = [volume for volume in pod.get("volumes", []) if volume["name"] in writable]
        assert all("sizeLimit" in volume["emptyDir"] for volume in folders)


def test_every_container_says_what_it_needs_and_where_it_ends(rendered):
    for pod in rendered.pods():
        for container in containers(pod):
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]


def test_no_image_floats(rendered):
    for pod in rendered.pods():
        for container in containers(pod):
            assert "@sha256:" in container["image"] or container["image"].endswith(":0.1.0")


def test_openshift_may_choose_the_user(render):
    pod = render("namespaced-ha").one("Deployment", "glia-team")["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_the_operator_is_probed_on_the_ports_it_opens(render):
    (container,) = render().one("Deployment")["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"health": 8080, "metrics": 9090}
    assert {"--health-port=8080", "--metrics-port=9090"} <= set(container["args"])
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }
    assert {probe["port"] for probe in probes.values()} == {"health"}


def test_one_pod_alone_never_blocks_a_drain(render):
    assert render(replicas=1).of("PodDisruptionBudget") == []
    assert render(replicas=3).one("PodDisruptionBudget")["spec"]["minAvailable"] == 1


def test_several_pods_spread_over_nodes_and_zones(render):
    def keys(replicas):
        pod = render(replicas=replicas).one("Deployment")["spec"]["template"]["spec"]
        return [each["topologyKey"] for each in pod.get("topologySpreadConstraints", [])]

    assert keys(1) == []
    assert keys(2) == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]


def test_every_selector_finds_the_operators_pods(rendered):
    (deployment,) = rendered.of("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [deployment["spec"]["selector"]["matchLabels"]]
    selectors += [each["spec"]["podSelector"]["matchLabels"] for each in rendered.of("NetworkPolicy")]
    selectors += [each["spec"]["selector"]["matchLabels"] for each in rendered.of("PodDisruptionBudget")]
    selectors += [each["spec"]["selector"]["matchLabels"] for each in rendered.of("PodMonitor")]
    selectors += [each["spec"]["selector"] for each in rendered.of("Service")]
    assert all(selector.items() <= labels.items() for selector in selectors)


def test_no_selector_finds_the_pod_of_the_helm_test(rendered):
    (deployment,) = rendered.of("Deployment")
    (pod,) = rendered.of("Pod")
    assert not deployment["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_a_service_monitor_finds_the_service(render):
    objects = render("monitored")
    selector = objects.one("ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert selector.items() <= objects.one("Service", "glia-operator-metrics")["metadata"]["labels"].items()


def test_the_network_is_closed_in_both_directions(render):
    policy = render("monitored").one("NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == {"health", "metrics"}
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 6443, 9090}


def test_nothing_that_helm_leaves_behind_needs_a_hook_to_be_deleted(rendered):
    """The operator sets no finalizers in this version, so no pre-delete hook has to remove them."""
    hooks = [each["metadata"].get("annotations", {}).get("helm.sh/hook", "test") for each in rendered]
    assert set(hooks) == {"test"}


def test_certificates_of_a_scheduler_stand_where_the_executor_reads_them(render):
    pod = render("scaled-out").one("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert "--executor=tls://scheduler.dask:8786" in container["args"]
    (mount,) = (one for one in container["volumeMounts"] if one["name"] == "executor")
    assert mount["readOnly"] is True
    (volume,) = (one for one in pod["volumes"] if one["name"] == "executor")
    assert volume["secret"]["secretName"] == "dask-certificates"
    variables = {one["name"]: one["value"] for one in container["env"] if one["name"].startswith("DASK_")}
    # Dask's own reading of these variables is the witness.
    settings = dask.config.collect_env(variables)
    names = {"ca-file": "ca.crt", "client.cert": "tls.crt", "client.key": "tls.key"}
    found = {name: dask.config.get(f"distributed.comm.tls.{name}", config=settings) for name in names}
    assert found == {name: f"{mount['mountPath']}/{file}" for name, file in names.items()}

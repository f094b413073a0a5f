"""What the node agent decides, it decides from values alone: variables, files, statuses, names."""

from __future__ import annotations

import base64
import pathlib
import struct

import hypothesis
import pytest
from hypothesis import strategies

from controlplane import __main__ as command
from controlplane import components, faults, layout
from controlplane.agent import dns, machine, probes, recipes, services, status, variables, volumes

POD = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "labels": {"app": "x", "b": "y"}},
    "spec": {"nodeName": "cpu-0", "serviceAccountName": "sa"},
}


def store(**objects):
    async def fetch(resource, name):
        return objects.get(f"{resource}_{name}")

    return fetch


def test_references_expand_as_kubernetes_documents_it():
    known = {"A": "1", "B": "$(A)"}
    assert variables.expand("$(A)-$(B)-$(C)-$$(A)-$A", known) == "1-$(A)-$(C)-$(A)-$A"


@hypothesis.settings(max_examples=50)
@hypothesis.given(strategies.text())
def test_text_without_dollars_stays_as_it_is(text):
    plain = text.replace("$", "")
    assert variables.expand(plain, {"A": "1"}) == plain


def test_fields_of_the_pod_are_found():
    def read(path):
        return variables.field(path, POD, pod_ip="10.99.1.2", host_ip="10.99.1.1")

    assert read("metadata.labels['app']") == "x"
    assert read("metadata.labels") == 'app="x"\nb="y"'
    assert read("metadata.annotations['none']") == ""
    assert (read("status.podIP"), read("status.hostIP")) == ("10.99.1.2", "10.99.1.1")
    assert (read("spec.nodeName"), read("metadata.uid")) == ("cpu-0", "u")


async def test_a_missing_map_or_key_is_waited_for_unless_it_is_optional():
    fetch = store(configmaps_there={"data": {"A": "1"}, "binaryData": {"B": base64.b64encode(b"\xff").decode()}})
    assert await variables.content("configmaps", "there", optional=False, fetch=fetch) == {"A": b"1", "B": b"\xff"}
    assert await variables.content("secrets", "absent", optional=True, fetch=fetch) == {}
    with pytest.raises(variables.Missing, match="secret absent not found"):
        await variables.content("secrets", "absent", optional=False, fetch=fetch)
    container = {"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "there", "key": "C"}}}]}
    with pytest.raises(variables.Missing, match="configmap there has no key C"):
        await variables.of_container(container, POD, base={}, pod_ip="", host_ip="", fetch=fetch)


async def test_projected_volumes_hold_tokens_maps_and_fields_side_by_side(tmp_path):
    async def token(wanted):
        return f"token for {wanted['audience']}"

    sources = [
        {"serviceAccountToken": {"path": "token", "audience": "a"}},
        {"configMap": {"name": "ca", "items": [{"key": "ca.crt", "path": "sub/ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "ns", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    pod = {**POD, "spec": {"volumes": [{"name": "v", "projected": {"sources": sources}}]}}
    fetch = store(configmaps_ca={"data": {"ca.crt": "CA", "other": "no"}})
    made = await volumes.make(pod, tmp_path, fetch=fetch, token=token, pod_ip="", host_ip="")
    held = {str(path.relative_to(made["v"])): path.read_text() for path in made["v"].rglob("*") if path.is_file()}
    assert held == {"token": "token for a", "sub/ca.crt": "CA", "ns": "n"}


def view(*states, restart="Always", leaving=False, ready=True, pod=None):
    containers = [
        {"name": str(number), "state": state, "ready": ready and "running" in state, "restartCount": 0}
        for number, state in enumerate(states)
    ]
    return status.View(
        pod=pod or {**POD, "spec": {"restartPolicy": restart}},
        host_ip="h",
        pod_ip="i",
        started="t0",
        initialized=True,
        leaving=leaving,
        init_containers=[],
        containers=containers,
    )


RUNNING, WAITING = {"running": {}}, {"waiting": {}}
GOOD, BAD = {"terminated": {"exitCode": 0}}, {"terminated": {"exitCode": 1}}


@pytest.mark.parametrize(
    ("states", "restart", "phase"),
    [
        ([WAITING], "Always", "Pending"),
        ([RUNNING, WAITING], "Always", "Running"),
        ([GOOD, RUNNING], "Never", "Running"),
        ([GOOD], "Never", "Succeeded"),
        ([GOOD, BAD], "Never", "Failed"),
        ([BAD], "OnFailure", "Running"),
        ([GOOD], "OnFailure", "Succeeded"),
        ([BAD], "Always", "Running"),
    ],
)
def test_the_phase_follows_from_the_containers_and_the_restart_policy(states, restart, phase):
    assert status.of(view(*states, restart=restart), now="t")["phase"] == phase


def truths(made):
    return {entry["type"]: entry["status"] for entry in made["conditions"]}


def test_ready_waits_for_containers_and_gates_and_ends_when_the_pod_leaves():
    gated = {**POD, "spec": {"readinessGates": [{"conditionType": "g"}]}}
    opened = {**gated, "status": {"conditions": [{"type": "g", "status": "True"}]}}
    assert truths(status.of(view(RUNNING), now="t"))["Ready"] == "True"
    assert truths(status.of(view(RUNNING, ready=False), now="t"))["Ready"] == "False"
    assert truths(status.of(view(RUNNING, leaving=True), now="t"))["Ready"] == "False"
    assert truths(status.of(view(RUNNING, pod=gated), now="t"))["Ready"] == "False"
    assert truths(status.of(view(RUNNING, pod=opened), now="t"))["Ready"] == "True"


def test_a_condition_keeps_the_time_of_its_last_change():
    first = status.of(view(RUNNING), now="t1")
    again = status.of(view(RUNNING, pod={**POD, "status": first}), now="t2")
    flipped = status.of(view(RUNNING, ready=False, pod={**POD, "status": first}), now="t3")
    assert {entry["lastTransitionTime"] for entry in again["conditions"]} == {"t1"}
    changed = {entry["type"] for entry in flipped["conditions"] if entry["lastTransitionTime"] == "t3"}
    assert changed == {"Ready", "ContainersReady"}


def test_an_image_without_a_command_runs_only_if_it_is_known():
    assert recipes.command({"image": "r.example:5000/x/glia-operator:1@sha256:0", "args": ["operate"]}) == [
        "glia",
        "operate",
    ]
    assert recipes.command({"image": "any", "command": ["a"], "args": ["b"]}) == ["a", "b"]
    with pytest.raises(variables.Missing, match="needs a command, or nginx an entry"):
        recipes.command({"image": "nginx:1"})


def test_code_that_a_volume_would_hide_is_mounted_over_it():
    code = (pathlib.Path("/srv/a/checkout"), pathlib.Path("/opt/venv"))
    spec = {"volumeMounts": [{"name": "t", "mountPath": "/srv"}, {"name": "o", "mountPath": "/opt/ven"}]}
    assert recipes.hidden(code, spec) == [(code[0], "/srv/a/checkout", True)]
    assert recipes.hidden(code, {}) == []


def test_ports_are_found_by_number_and_by_name():
    container = {"ports": [{"name": "http", "containerPort": 8000}]}
    assert (probes.port_of(80, container), probes.port_of("81", container), probes.port_of("http", container)) == (
        80,
        81,
        8000,
    )


def endpoint(address, *, ready=True, hostname=None):
    return {"addresses": [address], "conditions": {"ready": ready}, "hostname": hostname}


@pytest.fixture
def directory():
    made = services.Directory()
    made.services["n", "web"] = {"spec": {"clusterIP": "10.98.1.1", "ports": [{"port": 80, "name": "http"}]}}
    made.services["n", "heads"] = {"spec": {"clusterIP": "None", "ports": []}}
    for name in ("web", "heads"):
        made.slices["n", f"{name}-x"] = {
            "metadata": {"labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": "http", "port": 8000}],
            "endpoints": [endpoint("10.99.1.2", hostname="h-0"), endpoint("10.99.1.3", ready=False)],
        }
    return made


def test_only_ready_endpoints_serve(directory):
    assert directory.virtual_addresses() == {("10.98.1.1", 80): ("n", "web", "http")}
    assert directory.ready("n", "web", "http") == [("10.99.1.2", 8000)]
    assert directory.ready("n", "web", "other") == []


def test_names_resolve_as_in_a_cluster(directory):
    assert directory.resolve("web.n.svc.cluster.local") == ["10.98.1.1"]
    assert directory.resolve("heads.n.svc.cluster.local.") == ["10.99.1.2"]
    assert directory.resolve("h-0.heads.n.svc.cluster.local") == ["10.99.1.2"]
    for absent in ("web", "web.m.svc.cluster.local", "example.org", "h-9.heads.n.svc.cluster.local", ""):
        assert directory.resolve(absent) is None


def question(name, kind=1):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def test_a_query_is_answered_with_addresses_nothing_or_a_name_error():
    answer = dns.reply(question("a.b"), {"a.b": ["10.98.1.1"]}.get)
    assert answer[-4:] == bytes([10, 98, 1, 1])
    assert struct.unpack_from("!6H", answer) == (7, 0x8500, 1, 1, 0, 0)
    no_such_kind = dns.reply(question("a.b", kind=28), {"a.b": ["10.98.1.1"]}.get)
    assert struct.unpack_from("!6H", no_such_kind) == (7, 0x8500, 1, 0, 0, 0)
    assert struct.unpack_from("!6H", dns.reply(question("x"), {}.get)) == (7, 0x8503, 1, 0, 0, 0)


@hypothesis.given(strategies.binary(max_size=80))
def test_no_datagram_breaks_the_name_server(data):
    answer = dns.reply(data, {}.get)
    assert answer is None or answer[:2] == data[:2]


def test_clusters_on_loopback_do_not_share_ports(tmp_path):
    one, two = layout.on_loopback(tmp_path), layout.on_loopback(tmp_path)
    ports = [{plan.api_port, plan.etcd_client_port, plan.etcd_peer_port, plan.scheduler_port} for plan in (one, two)]
    assert all(len(each) == 4 for each in ports)


def test_programs_are_started_with_rbac_and_an_audit_log(tmp_path):
    programs = dict.fromkeys(("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"), tmp_path)
    flags = components.commands(layout.isolated(tmp_path), programs)
    assert "--authorization-mode=RBAC" in flags["kube-apiserver"]
    assert f"--audit-log-path={tmp_path}/audit.log" in flags["kube-apiserver"]
    assert not any("disable-admission" in flag for flag in flags["kube-apiserver"])


def test_nodes_are_ordered_by_kind_and_anything_else_is_refused():
    assert command._nodes("cpu=1,a10=4") == {"cpu": 1, "a10": 4}
    for wrong in ("a100=1", "cpu", "cpu=x", ""):
        with pytest.raises(command.argparse.ArgumentTypeError, match="KIND=COUNT of cpu, a10, h100"):
            command._nodes(wrong)


def test_every_kind_of_machine_says_what_it_has():
    for kind, each in machine.MACHINES.items():
        labels = machine.labels(kind, "n")
        capacity = machine.status(kind, address="a", now="t")["capacity"]
        assert labels.get("nvidia.com/gpu.count", "0") == capacity.get("nvidia.com/gpu", "0") == str(each.gpus)


def test_a_fault_is_one_sentence_and_exit_code_1(tmp_path, capsys):
    assert command.main(["inside", "--state", str(tmp_path), "true"]) == 1
    assert f"no cluster runs in {tmp_path}" in capsys.readouterr().err


def test_a_named_kubeconfig_that_is_no_file_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setenv("GLIA_KUBECONFIG", str(tmp_path / "none"))
    from_name = command.source.opened(tmp_path)
    with pytest.raises(faults.ClusterFault, match="which is no file"), from_name:
        pass

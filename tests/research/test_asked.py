"""What an object in a cluster asks becomes a brief, or one sentence that names the field."""

from __future__ import annotations

import pytest

from glia_operator.api import optimization
from glia_operator.research import asked
from glia_sim import faults, fleet_file
from glia_sim.policy import document

TRACE = "arrival_s,prompt_tokens,output_tokens\n0,100,20\n1.5,80,10\n2,300,40\n"
FLEET = "name: mine\ngroups: [{gpu: A10, model: llama-3-8b, count: 2, engine: {num_blocks: 2000}}]\n"


def spec(**changed):
    content = {
        "target": {"workloadRef": {"name": "vllm"}},
        "offline": {"fleet": "paper-a10x4", "trace": "synthetic:paper?requests=50"},
    }
    body = {"metadata": {"name": "chat"}, "spec": content | changed}
    return optimization.read({"apiVersion": "glia.dev/v1alpha1", "kind": "GliaOptimization", **body}).spec


def brief(wish):
    machines, workload = asked.scene(wish.offline)
    return asked.brief(asked.asked(wish), machines=machines, workload=workload, baseline=document.load("llq"))


def test_everything_that_is_asked_is_in_the_brief():
    made = brief(
        spec(
            objective={"maximize": "throughput"},
            constraints=[
                {"metric": "ttft", "quantile": 0.9, "below": "1500ms"},
                {"metric": "e2e", "below": "2m"},
                {"metric": "slowdown", "quantile": 0.95, "below": 5},
            ],
            tune={"router": {}},
            research={"budget": {"experiments": 7, "duration": "10m"}, "seed": 3},
            rollout={"minImprovement": "2.5%"},
        )
    )
    assert made.objective.name == "throughput"
    assert [str(one) for one in made.constraints] == ["p90 ttft < 1.5 s", "mean e2e < 120 s", "p95 slowdown < 5"]
    assert made.tunes == {"router"}
    assert (made.experiments, made.seconds, made.root, made.min_improvement) == (7, 600.0, 3, 0.025)


def test_what_is_left_out_is_what_the_command_line_takes_too():
    made = brief(spec())
    assert made.objective.name == "mean-latency"
    assert (made.experiments, made.seconds, made.root, made.min_improvement) == (20, None, 0, 0.005)
    assert asked.Asked(objective=made.objective).min_improvement == made.min_improvement


def test_hints_and_pauses_do_not_change_the_question():
    assert brief(spec()).digest == brief(spec(paused=True, research={"hints": "Mornings are busy."})).digest
    assert brief(spec()).digest != brief(spec(research={"seed": 1})).digest


def test_a_config_map_gives_what_is_not_named():
    offline = {"configMapRef": {"name": "chat", "traceKey": "t.csv"}}
    machines, workload = asked.scene(spec(offline=offline).offline, {"fleet.yaml": FLEET, "t.csv": TRACE})
    assert (machines.replicas, workload.requests) == (2, 3)
    _, cut = asked.scene(spec(offline=offline | {"limit": 2}).offline, {"fleet.yaml": FLEET, "t.csv": TRACE})
    assert cut.requests == 2


@pytest.mark.parametrize(
    ("offline", "texts", "words"),
    [
        ({"fleet": "paper-a10", "trace": "synthetic:paper"}, {}, ["spec.offline.fleet", "'paper-a10'", "paper-a10x4"]),
        ({"fleet": "paper-a10x4", "trace": "synthetic:papr"}, {}, ["synthetic:papr", "did you mean synthetic:paper"]),
        ({"fleet": "paper-a10x4", "trace": "synthetic:paper?requests=9000000"}, {}, ["9,000,000", "200,000"]),
        ({"fleet": "paper-a10x4", "configMapRef": {"name": "cm"}}, {}, ["ConfigMap cm, key trace.csv", "no keys"]),
        (
            {"fleet": "paper-a10x4", "configMapRef": {"name": "cm"}},
            {"trace.csv": "a,b\n1,2\n"},
            ["ConfigMap cm, key trace.csv"],
        ),
        (
            {"configMapRef": {"name": "cm"}},
            {"fleet.yaml": "groups: [{gpu: B200}]", "trace.csv": TRACE},
            ["ConfigMap cm, key fleet.yaml", "line 1", "groups[0]"],
        ),
        (
            {"trace": "synthetic:paper?requests=5", "configMapRef": {"name": "cm"}},
            {"fleet.yaml": FLEET.replace("count: 2", "count: 5000")},
            ["5,000 replicas", "1,000"],
        ),
        (
            {"trace": "synthetic:paper?requests=50", "configMapRef": {"name": "cm"}},
            {"fleet.yaml": FLEET.replace("2000", "4")},
            ["do not fit a replica"],
        ),
    ],
)
def test_what_cannot_be_read_is_named(offline, texts, words):
    with pytest.raises(faults.InputFault) as refused:
        asked.scene(spec(offline=offline).offline, texts)
    assert all(word in str(refused.value) for word in words), refused.value


def test_a_file_on_the_operators_disk_is_never_read():
    for offline in (
        {"fleet": "/etc/passwd", "trace": "synthetic:paper"},
        {"fleet": "paper-a10x4", "trace": "/etc/passwd"},
    ):
        with pytest.raises(faults.InputFault, match="ConfigMap"):
            spec(offline=offline)
    with pytest.raises(faults.InputFault, match=r"spec\.offline\.baseline"):
        spec(offline={"fleet": "paper-a10x4", "trace": "synthetic:paper", "baseline": "./llq.yaml"})


def test_the_autoscalers_bounds_are_the_fleets_from_then_on():
    machines = fleet_file.loads(
        FLEET + "autoscaler: {min_replicas: 1, max_replicas: 4, interval_s: 10, startup_s: 60}\n", place="mine"
    )
    tune = {"autoscaler": {"minReplicas": 3, "maxReplicas": 9}}
    bounded = asked.within(machines, spec(tune=tune)).autoscaler
    assert (bounded.min_replicas, bounded.max_replicas, bounded.initial) == (3, 9, 3)
    assert asked.within(machines, spec(tune={"autoscaler": {}})) == machines
    with pytest.raises(faults.InputFault, match="give both bounds"):
        asked.within(machines, spec(tune={"autoscaler": {"minReplicas": 5}}))


def test_bounds_for_a_fleet_without_an_autoscaler_are_refused():
    machines = fleet_file.load("paper-a10x4")
    with pytest.raises(faults.InputFault, match="has no autoscaler"):
        asked.within(machines, spec(tune={"autoscaler": {"maxReplicas": 9}}))

"""Every case: `SERVER` is refused by the API server, `OPERATOR` is for the operator to judge by a condition."""

from __future__ import annotations

from typing import Any

from hostile import optimizations, others
from hostile.case import Case, Judged, Object, changed
from stories import chat

SERVER: tuple[Case, ...] = optimizations.CASES + others.CASES

TRACE = "arrival_s,prompt_tokens,output_tokens\n0,100,20\n1.5,80,10\n"
FLEET = "name: mine\ngroups: [{gpu: A10, model: llama-3-8b, count: 2}]\n"
DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "vllm-llama"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "vllm-llama"}},
        "template": {
            "metadata": {"labels": {"app": "vllm-llama"}},
            "spec": {"containers": [{"name": "vllm", "image": "vllm", "command": ["true"]}]},
        },
    },
}


def config_map(**data: str) -> Object:
    """A ConfigMap called scene with these keys, `__` in place of a dot."""
    named = {key.replace("__", "."): value for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "scene"}, "data": named}


def studied(offline: Object, **spec: Any) -> Object:
    """An optimisation of an existing Deployment with this offline section."""
    whole = changed(optimizations.WHOLE, "spec.offline", offline)
    return whole | {"spec": whole["spec"] | spec}


def judged(name: str, says: tuple[str, ...], *objects: Object) -> Judged:
    """A case with the Deployment in place."""
    return Judged(name=name, objects=(DEPLOYMENT, *objects), says=says)


TELEMETRY: Object = {"prometheus": {"url": "http://prometheus:9090"}}
HELD: Object = {"configMapRef": {"name": "scene"}}
BOMB = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: [*b, *b, *b, *b]\n" + FLEET
BAD_PROGRAM = "import os\ndef score(request, replica, fleet, p):\n    return os.system('true')\n"


def named(fleet: str, trace: str, **more: Any) -> Object:
    """An offline section that names both."""
    return {"fleet": fleet, "trace": trace, **more}


OPERATOR: tuple[Judged, ...] = (
    Judged(name="missing target", objects=(optimizations.WHOLE,), says=("vllm-llama",)),
    judged("unknown fleet", ("paper-a10x5", "paper-a10x4"), studied(named("paper-a10x5", "synthetic:paper"))),
    judged("unknown trace", ("papr", "did you mean"), studied(named("paper-a10x4", "synthetic:papr"))),
    judged("endless trace", ("9,000,000",), studied(named("paper-a10x4", "synthetic:paper?requests=9000000"))),
    judged("trace of nothing", ("requests is 0",), studied(named("paper-a10x4", "synthetic:paper?requests=0"))),
    judged("trace at no rate", ("rate is 0",), studied(named("paper-a10x4", "synthetic:paper?rate=0"))),
    judged("unknown setting", ("'rat' is not a parameter",), studied(named("paper-a10x4", "synthetic:paper?rat=1"))),
    judged("unknown baseline", ("llqq",), studied(named("paper-a10x4", "synthetic:paper", baseline="llqq"))),
    judged(
        "after the last request",
        ("no request arrives",),
        studied(named("paper-a10x4", "synthetic:paper?requests=50", start=100000)),
    ),
    judged(
        "bounds for no autoscaler",
        ("has no autoscaler",),
        studied(named("paper-a10x4", "synthetic:paper"), tune={"autoscaler": {"maxReplicas": 9}}),
    ),
    judged("no ConfigMap", ("scene",), studied(HELD)),
    judged("no key", ("trace.csv", "no such key"), config_map(fleet__yaml=FLEET), studied(HELD)),
    judged("empty trace", ("trace.csv", "empty"), config_map(fleet__yaml=FLEET, trace__csv=""), studied(HELD)),
    judged(
        "unsorted trace",
        ("trace.csv", "line 3"),
        config_map(fleet__yaml=FLEET, trace__csv="arrival_s,prompt_tokens,output_tokens\n2,10,10\n1,10,10\n"),
        studied(HELD),
    ),
    judged(
        "negative tokens",
        ("trace.csv", "line 2"),
        config_map(fleet__yaml=FLEET, trace__csv="arrival_s,prompt_tokens,output_tokens\n0,-5,10\n"),
        studied(HELD),
    ),
    judged("bomb in a fleet", ("fleet.yaml", "aliases"), config_map(fleet__yaml=BOMB, trace__csv=TRACE), studied(HELD)),
    judged("fleet is no YAML", ("fleet.yaml",), config_map(fleet__yaml="{[", trace__csv=TRACE), studied(HELD)),
    judged(
        "GPU of the future",
        ("fleet.yaml", "gpu"),
        config_map(fleet__yaml=FLEET.replace("A10", "B300"), trace__csv=TRACE),
        studied(HELD),
    ),
    judged(
        "fleet of thousands",
        ("5,000 replicas",),
        config_map(fleet__yaml=FLEET.replace("count: 2", "count: 5000"), trace__csv=TRACE),
        studied(HELD),
    ),
    judged(
        "request larger than a replica",
        ("do not fit",),
        config_map(fleet__yaml=FLEET, trace__csv="arrival_s,prompt_tokens,output_tokens\n0,90000,10\n"),
        studied(HELD),
    ),
    judged(
        "telemetry alone",
        ("offline",),
        {**optimizations.WHOLE, "spec": {"target": optimizations.WHOLE["spec"]["target"], "telemetry": TELEMETRY}},
    ),
)

POLICIES: tuple[Judged, ...] = (
    judged(
        "program outside the language",
        ("import",),
        changed(chat.proposal(), "spec.programs.router", BAD_PROGRAM),
    ),
    judged("program that does not parse", ("router",), changed(chat.proposal(), "spec.programs.router", "def (:\n")),
    judged("fake digest", ("changed after its exam",), changed(chat.proposal(), "spec.digest", chat.EXAM)),
    judged("fake rationale", ("changed after its exam",), changed(chat.proposal(), "spec.rationale", "Trust me.")),
)
"""GliaPolicies that somebody made up: accepted by the server, and never to be approved or followed."""

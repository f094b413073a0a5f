"""GliaOptimizations that the API server refuses: one wrong field each."""

from __future__ import annotations

from typing import Any

from hostile.case import GONE, Case, Object, changed

MEGABYTE = 1_000_000
KUBERNETES_NAME = "must be a Kubernetes name"
CYRILLIC_A, ZERO_WIDTH, RIGHT_TO_LEFT = "\u0430", "\u200b", "\u202e"
ABOVE_ZERO = "must be above 0: a time such as 1500ms"
DURATION = "a whole number above 0 with the unit"
ADDRESS = "must be http:// or https:// with a host and no user or password"
PRINTABLE = "must be printable text"

WHOLE: Object = {
    "apiVersion": "glia.dev/v1alpha1",
    "kind": "GliaOptimization",
    "metadata": {"name": "silly"},
    "spec": {
        "target": {"workloadRef": {"name": "vllm-llama"}},
        "offline": {"fleet": "paper-a10x4", "trace": "synthetic:paper?requests=200"},
    },
}


def bound(**fields: Any) -> list[Object]:
    """One constraint on ttft, with other fields."""
    made = {"metric": "ttft", "quantile": 0.9, "below": "1500ms"} | fields
    return [{key: value for key, value in made.items() if value is not GONE}]


def model(**fields: Any) -> Object:
    """Research led by a model, with other fields."""
    made = {"baseURL": "http://vllm.models:8000/v1", "model": "x"} | fields
    return {"brain": {"openai": {key: value for key, value in made.items() if value is not GONE}}}


LIMIT = "spec.constraints[0].below"
URL = "spec.telemetry.prometheus.url"
FIELDS: tuple[tuple[str, str, Any, tuple[str, ...]], ...] = (
    # the target
    ("no target", "spec.target", GONE, ("spec.target", "Required value")),
    ("empty target", "spec.target", {}, ("spec.target.workloadRef", "Required value")),
    ("target without a name", "spec.target.workloadRef", {}, ("spec.target.workloadRef.name", "Required value")),
    ("target is a list", "spec.target", [], ("spec.target", "must be of type object")),
    ("StatefulSet", "spec.target.workloadRef.kind", "StatefulSet", ("workloadRef.kind", '"Deployment"')),
    ("apps/v2", "spec.target.workloadRef.apiVersion", "apps/v2", ("workloadRef.apiVersion", '"apps/v1"')),
    ("upper case", "spec.target.workloadRef.name", "VLLM", ("workloadRef.name", KUBERNETES_NAME)),
    ("Cyrillic a", "spec.target.workloadRef.name", f"vllm-ll{CYRILLIC_A}ma", ("workloadRef.name", KUBERNETES_NAME)),
    ("zero width", "spec.target.workloadRef.name", f"vllm{ZERO_WIDTH}", ("workloadRef.name", KUBERNETES_NAME)),
    ("right to left", "spec.target.workloadRef.name", f"{RIGHT_TO_LEFT}mllv", ("workloadRef.name", KUBERNETES_NAME)),
    ("NUL in a name", "spec.target.workloadRef.name", "vllm\0", ("workloadRef.name", KUBERNETES_NAME)),
    ("path as a name", "spec.target.workloadRef.name", "../../etc", ("workloadRef.name", KUBERNETES_NAME)),
    ("namespace and name", "spec.target.workloadRef.name", "prod/vllm", ("workloadRef.name", KUBERNETES_NAME)),
    ("empty name", "spec.target.workloadRef.name", "", ("workloadRef.name", "at least 1 char")),
    ("long name", "spec.target.workloadRef.name", "a" * 300, ("workloadRef.name", "253")),
    (
        "another namespace",
        "spec.target.workloadRef.namespace",
        "prod",
        ('unknown field "spec.target.workloadRef.name',),
    ),
    ("pool elsewhere", "spec.target.inferencePoolRef", {"name": "x", "namespace": "y"}, ("unknown field", "namespace")),
    ("selects nothing", "spec.target.selector", {}, ("selector.matchLabels", "Required value")),
    ("selects no label", "spec.target.selector", {"matchLabels": {}}, ("selector.matchLabels", "at least 1")),
    ("label with a space", "spec.target.selector", {"matchLabels": {"a": "b c"}}, ("matchLabels", "a label's value")),
    (
        "label is a number",
        "spec.target.selector",
        {"matchLabels": {"a": 1}},
        ("matchLabels.a", "must be of type string"),
    ),
    ("matchExpressions", "spec.target.selector.matchExpressions", [], ("unknown field", "matchExpressions")),
    # the objective
    (
        "two objectives",
        "spec.objective",
        {"minimize": "gpu-hours", "maximize": "throughput"},
        ("spec.objective", "exactly one"),
    ),
    ("no objective", "spec.objective", {}, ("spec.objective", "give exactly one of minimize and maximize")),
    ("unknown objective", "spec.objective", {"minimize": "latency"}, ("objective.minimize", '"mean-latency"')),
    ("maximal latency", "spec.objective", {"maximize": "mean-latency"}, ("objective.maximize", '"throughput"')),
    ("shouted objective", "spec.objective", {"minimize": "MEAN-LATENCY"}, ("objective.minimize", '"mean-latency"')),
    ("soft hyphen", "spec.objective", {"minimize": "mean\u2011latency"}, ("objective.minimize", '"mean-latency"')),
    (
        "list of objectives",
        "spec.objective",
        {"minimize": ["gpu-hours"]},
        ("objective.minimize", "must be of type string"),
    ),
    ("gpu-hours alone", "spec.objective", {"minimize": "gpu-hours"}, ("spec.objective", "add tune.autoscaler")),
    # constraints
    ("unknown metric", "spec.constraints", bound(metric="tpot"), ("constraints[0].metric", '"ttft"')),
    ("no metric", "spec.constraints", bound(metric=GONE), ("constraints[0].metric", "Required value")),
    ("odd quantile", "spec.constraints", bound(quantile=0.85), ("constraints[0].quantile", "0.95")),
    ("quantile in percent", "spec.constraints", bound(quantile=95), ("constraints[0].quantile", "0.95")),
    (
        "quantile as text",
        "spec.constraints",
        bound(quantile="0.9"),
        ("constraints[0].quantile", "must be of type number"),
    ),
    ("no unit", "spec.constraints", bound(below="1500"), (LIMIT, "a time with its unit, such as 1500ms")),
    ("number of what", "spec.constraints", bound(below=1500), (LIMIT, "a time with its unit, such as 1500ms")),
    (
        "slowdown in seconds",
        "spec.constraints",
        bound(metric="slowdown", below="5s"),
        (LIMIT, "a ratio without a unit"),
    ),
    ("negative limit", "spec.constraints", bound(below="-5ms"), (LIMIT, ABOVE_ZERO)),
    ("limit of zero", "spec.constraints", bound(metric="slowdown", below=0), (LIMIT, "greater than or equal to 1")),
    (
        "less than nothing",
        "spec.constraints",
        bound(metric="slowdown", below=-3),
        (LIMIT, "greater than or equal to 1"),
    ),
    ("bare fraction", "spec.constraints", bound(metric="slowdown", below=2.5), (LIMIT, "integer,string")),
    ("limit in words", "spec.constraints", bound(below="fast"), (LIMIT, ABOVE_ZERO)),
    ("limit with a space", "spec.constraints", bound(below="1500 ms"), (LIMIT, ABOVE_ZERO)),
    ("limit in powers", "spec.constraints", bound(below="1e9s"), (LIMIT, ABOVE_ZERO)),
    ("empty limit", "spec.constraints", bound(below=""), (LIMIT, ABOVE_ZERO)),
    ("true limit", "spec.constraints", bound(below=True), (LIMIT, "integer,string")),
    ("limit of 1 MB", "spec.constraints", bound(below="9" * MEGABYTE), (LIMIT, "24")),
    ("no limit", "spec.constraints", bound(below=GONE), (LIMIT, "Required value")),
    ("limit from below", "spec.constraints", bound(above="1s"), ('unknown field "spec.constraints[0].above"',)),
    ("one bound twice", "spec.constraints", bound() + bound(below="2s"), ("spec.constraints", "bounded twice")),
    ("mean twice", "spec.constraints", bound(quantile=GONE) * 2, ("spec.constraints", "keep the stricter")),
    ("a crowd", "spec.constraints", bound() * 17, ("spec.constraints", "at most 16 items")),
    ("no list", "spec.constraints", "ttft < 1s", ("spec.constraints", "must be of type array")),
    # what may change
    ("tunes nothing", "spec.tune", {}, ("spec.tune", "at least one of router, scheduler and autoscaler")),
    ("tunes a planner", "spec.tune", {"router": {}, "planner": {}}, ('unknown field "spec.tune.planner"',)),
    ("router is true", "spec.tune", {"router": True}, ("spec.tune.router", "must be of type object")),
    ("router with a knob", "spec.tune", {"router": {"weight": 1}}, ('unknown field "spec.tune.router.weight"',)),
    ("no replicas", "spec.tune", {"autoscaler": {"minReplicas": 0}}, ("minReplicas", "greater than or equal to 1")),
    (
        "negative replicas",
        "spec.tune",
        {"autoscaler": {"maxReplicas": -2}},
        ("maxReplicas", "greater than or equal to 1"),
    ),
    (
        "a million replicas",
        "spec.tune",
        {"autoscaler": {"maxReplicas": 10**6}},
        ("maxReplicas", "less than or equal to 1000"),
    ),
    (
        "min above max",
        "spec.tune",
        {"autoscaler": {"minReplicas": 9, "maxReplicas": 2}},
        ("minReplicas", "not be above"),
    ),
    ("replicas as text", "spec.tune", {"autoscaler": {"minReplicas": "2"}}, ("minReplicas", "must be of type integer")),
    ("half a replica", "spec.tune", {"autoscaler": {"minReplicas": 2.5}}, ("minReplicas", "must be of type integer")),
    ("Python's spelling", "spec.tune", {"autoscaler": {"min_replicas": 2}}, ("unknown field", "min_replicas")),
    # research
    (
        "no experiments",
        "spec.research",
        {"budget": {"experiments": 0}},
        ("budget.experiments", "greater than or equal to 1"),
    ),
    (
        "negative budget",
        "spec.research",
        {"budget": {"experiments": -5}},
        ("budget.experiments", "greater than or equal to 1"),
    ),
    (
        "endless budget",
        "spec.research",
        {"budget": {"experiments": 10**12}},
        ("budget.experiments", "less than or equal to 200"),
    ),
    (
        "many experiments",
        "spec.research",
        {"budget": {"experiments": "many"}},
        ("budget.experiments", "must be of type integer"),
    ),
    ("five tokens", "spec.research", {"budget": {"tokens": 5}}, ("budget.tokens", "greater than or equal to 1000")),
    ("time without a unit", "spec.research", {"budget": {"duration": "10"}}, ("budget.duration", DURATION)),
    ("negative time", "spec.research", {"budget": {"duration": "-10m"}}, ("budget.duration", DURATION)),
    ("time in words", "spec.research", {"budget": {"duration": "10 minutes"}}, ("budget.duration", DURATION)),
    ("no time at all", "spec.research", {"budget": {"duration": "0s"}}, ("budget.duration", DURATION)),
    ("Go's duration", "spec.research", {"budget": {"duration": "1h30m"}}, ("budget.duration", DURATION)),
    ("time is a number", "spec.research", {"budget": {"duration": 600}}, ("budget.duration", "must be of type string")),
    ("essay", "spec.research", {"hints": "a" * 5000}, ("research.hints", "4096")),
    ("megabyte of hints", "spec.research", {"hints": "a" * MEGABYTE}, ("research.hints", "4096")),
    ("NUL in hints", "spec.research", {"hints": "busy\0mornings"}, ("research.hints", PRINTABLE)),
    ("turned hints", "spec.research", {"hints": f"{RIGHT_TO_LEFT}evorppa"}, ("research.hints", PRINTABLE)),
    ("invisible hints", "spec.research", {"hints": f"a{ZERO_WIDTH}b"}, ("research.hints", PRINTABLE)),
    ("hints to the terminal", "spec.research", {"hints": "\x1b[2J"}, ("research.hints", PRINTABLE)),
    ("list of hints", "spec.research", {"hints": ["a"]}, ("research.hints", "must be of type string")),
    ("negative seed", "spec.research", {"seed": -1}, ("research.seed", "greater than or equal to 0")),
    ("huge seed", "spec.research", {"seed": 2**62}, ("research.seed", "less than or equal to 268435455")),
    ("half a seed", "spec.research", {"seed": 1.5}, ("research.seed", "must be of type integer")),
    # the model
    ("a model at no address", "spec.research", model(baseURL=GONE), ("brain.openai.baseURL", "Required value")),
    ("no model at an address", "spec.research", model(model=GONE), ("brain.openai.model", "Required value")),
    ("a model on a disk", "spec.research", model(baseURL="file:///etc/passwd"), ("openai.baseURL", ADDRESS)),
    ("a key in an address", "spec.research", model(baseURL="http://me:sk-1@vllm"), ("openai.baseURL", ADDRESS)),
    (
        "a key in the open",
        "spec.research",
        model(apiKey="sk-1"),
        ('unknown field "spec.research.brain.openai.apiKey"',),
    ),
    (
        "a key elsewhere",
        "spec.research",
        model(apiKeySecretRef={"name": "k", "key": "k", "namespace": "kube-system"}),
        ("unknown field", "apiKeySecretRef.namespace"),
    ),
    (
        "a key by path",
        "spec.research",
        model(apiKeySecretRef={"name": "../k", "key": "k"}),
        ("apiKeySecretRef.name", KUBERNETES_NAME),
    ),
    ("a turned model", "spec.research", model(model=f"{RIGHT_TO_LEFT}tpg"), ("openai.model", PRINTABLE)),
    (
        "two brains",
        "spec.research",
        {"brain": {"playbook": {}, **model()["brain"]}},
        ("research.brain", "give at most one of playbook and openai"),
    ),
    ("a strategy to come", "spec.research", {"strategy": "luck"}, ("research.strategy", '"glia"')),
    # rollout
    ("lower-case approval", "spec.rollout", {"approval": "manual"}, ("rollout.approval", '"Manual"')),
    ("nobody approves", "spec.rollout", {"approval": "None"}, ("rollout.approval", '"Automatic"')),
    ("no percent sign", "spec.rollout", {"minImprovement": "5"}, ("rollout.minImprovement", "such as 5%")),
    ("improvement is a number", "spec.rollout", {"minImprovement": 5}, ("minImprovement", "must be of type string")),
    ("worse by 5%", "spec.rollout", {"minImprovement": "-5%"}, ("rollout.minImprovement", "from 0% to 100%")),
    ("five times better", "spec.rollout", {"minImprovement": "500%"}, ("rollout.minImprovement", "from 0% to 100%")),
    ("stages to come", "spec.rollout", {"stages": []}, ('unknown field "spec.rollout.stages"',)),
    # offline
    ("nothing to study", "spec.offline", GONE, ("spec", "give offline", "or telemetry")),
    ("a file of the operator", "spec.offline.fleet", "/etc/passwd", ("offline.fleet", "name of a built-in fleet")),
    ("a file beside it", "spec.offline.fleet", "../fleet.yaml", ("offline.fleet", "goes into a ConfigMap")),
    ("a trace on a disk", "spec.offline.trace", "/data/trace.csv", ("offline.trace", "goes into a ConfigMap")),
    ("a trace elsewhere", "spec.offline.trace", "http://169.254.169.254/", ("offline.trace", "must be synthetic:")),
    ("a trace by scheme", "spec.offline.trace", "file:///etc/passwd", ("offline.trace", "must be synthetic:")),
    ("half a scene", "spec.offline.trace", GONE, ("spec.offline", "give both fleet and trace")),
    (
        "too much of a scene",
        "spec.offline.configMapRef",
        {"name": "x"},
        ("offline.configMapRef", "leave one of the three out"),
    ),
    (
        "map elsewhere",
        "spec.offline",
        {"configMapRef": {"name": "x", "namespace": "y"}},
        ("unknown field", "namespace"),
    ),
    ("map by path", "spec.offline", {"configMapRef": {"name": "y/x"}}, ("configMapRef.name", KUBERNETES_NAME)),
    (
        "key by path",
        "spec.offline",
        {"configMapRef": {"name": "x", "fleetKey": "a/b"}},
        ("fleetKey", "key of a ConfigMap"),
    ),
    ("frozen time", "spec.offline.timeScale", 0, ("offline.timeScale", "greater than 0")),
    ("time backwards", "spec.offline.timeScale", -1.0, ("offline.timeScale", "greater than 0")),
    ("end of time", "spec.offline.timeScale", 1e300, ("offline.timeScale", "less than or equal to 1e+06")),
    ("before the start", "spec.offline.start", -5, ("offline.start", "greater than or equal to 0")),
    ("no requests", "spec.offline.limit", 0, ("offline.limit", "greater than or equal to 1")),
    ("too many requests", "spec.offline.limit", 10**7, ("offline.limit", "less than or equal to 200000")),
    ("baseline on disk", "spec.offline.baseline", "./llq.yaml", ("offline.baseline", "a policy of the catalogue")),
    # telemetry
    ("no scheme", URL, "prometheus:9090", (URL, "must be http:// or https://")),
    ("password in the URL", URL, "http://admin:hunter2@prometheus", (URL, "credentials go into a Secret")),
    ("another scheme", URL, "gopher://prometheus", (URL, "must be http:// or https://")),
    ("a script", URL, "javascript:alert(1)", (URL, "must be http:// or https://")),
    ("URL with a space", URL, "http://prome theus", (URL, "must be http:// or https://")),
    (
        "secret without a key",
        "spec.telemetry.prometheus",
        {"url": "http://p", "secretRef": {"name": "x"}},
        ("secretRef.key", "Required value"),
    ),
    (
        "secret elsewhere",
        "spec.telemetry.prometheus",
        {"url": "http://p", "secretRef": {"name": "x", "key": "y", "namespace": "z"}},
        ("unknown field", "secretRef.namespace"),
    ),
    (
        "no verification",
        "spec.telemetry.prometheus",
        {"url": "http://p", "tls": {"insecureSkipVerify": True}},
        ("unknown field", "insecureSkipVerify"),
    ),
    (
        "step above window",
        "spec.telemetry",
        {"prometheus": {"url": "http://p"}, "window": "1m", "step": "2m"},
        ("telemetry.step", "not be longer than window"),
    ),
    # the object
    ("paused in words", "spec.paused", "yes", ("spec.paused", "must be of type boolean")),
    ("name with a dot", "metadata.name", "silly.one", ("at most 50 characters and no dot",)),
    ("name too long", "metadata.name", "a" * 51, ("at most 50 characters and no dot",)),
    ("no spec", "spec", GONE, ("spec", "Required value")),
    ("spec is text", "spec", "please", ("spec", "must be of type object")),
    ("spec is nothing", "spec", None, ("spec", "Required value")),
    ("two specs", "specs", {}, ('unknown field "specs"',)),
)

LENIENT = {"bare fraction", "two specs"}
"""A file for the command line may say 2.5; and an object may have a part that only a later version knows."""

CASES = tuple(
    Case(name=name, body=changed(WHOLE, path, value), says=says, modelled=name not in LENIENT)
    for name, path, value, says in FIELDS
)

"""A GliaOptimization on a real API server, with a small fleet and a short trace, and what has come of it."""

from __future__ import annotations

import json

from controlplane import cluster as clusters

FLEET = """\
name: small
groups:
  - gpu: A10
    model: llama-3-8b
    count: 2
    engine:
      {num_blocks: 600, max_num_seqs: 128, max_num_batched_tokens: 2048, prefix_caching: false, async_scheduling: false}
router: {views: perfect}
"""
TRACE = "synthetic:paper?requests=100&rate=10&seed=4"
STUDY_S = 480.0
"""Of waits for a study to come so far; half a minute is usual where nobody else computes."""


class Wish:
    """A GliaOptimization in a namespace, with the Deployment that it is about."""

    def __init__(self, cluster, namespace, name="chat", target="vllm"):
        self.cluster, self.namespace, self.name, self.target = cluster, namespace, name, target

    def body(self, **spec):
        content = {
            "target": {"workloadRef": {"name": self.target}},
            "offline": {"trace": TRACE, "configMapRef": {"name": "fleet"}, "baseline": "random"},
            "research": {"budget": {"experiments": 2}},
            **spec,
        }
        return {
            "apiVersion": "glia.dev/v1alpha1",
            "kind": "GliaOptimization",
            "metadata": {"name": self.name},
            "spec": content,
        }

    def surroundings(self):
        labels = {"app": self.target}
        container = {"name": "vllm", "image": "vllm", "command": ["sleep", "100000"]}
        deployment = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.target},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        }
        fleet = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "fleet"},
            "data": {"fleet.yaml": FLEET},
        }
        self.cluster.apply(deployment, fleet, namespace=self.namespace)

    def apply(self, **spec):
        self.cluster.apply(self.body(**spec), namespace=self.namespace)
        return self

    def get(self):
        return self.cluster.get("gliaoptimization", self.name, "-n", self.namespace)

    @property
    def status(self):
        return self.get().get("status") or {}

    @property
    def phase(self):
        """Of the spec as it stands; empty until the operator has looked at it."""
        body = self.get()
        status = body.get("status") or {}
        return status.get("phase", "") if status.get("observedGeneration") == body["metadata"]["generation"] else ""

    def until(self, *phases, timeout_s=STUDY_S):
        return clusters.until(
            f"{self.name} is {' or '.join(phases)}",
            lambda: self.phase if self.phase in phases else "",
            timeout_s=timeout_s,
        )

    def until_recorded(self, kind):
        """Waits until its study has noted a record of this kind."""
        clusters.until(f"{self.name} has noted a {kind}", lambda: self.has(kind), timeout_s=STUDY_S)

    def has(self, kind):
        return any(one["kind"] == kind for one in self.records())

    def condition(self, kind):
        return {one["type"]: one for one in self.status.get("conditions", [])}.get(kind, {})

    def policies(self):
        found = self.cluster.get("gliapolicies", "-n", self.namespace)
        mine = [one for one in found if one["spec"]["optimization"] == self.name]
        return sorted(mine, key=lambda one: one["spec"]["revision"])

    def pages(self):
        labels = f"glia.dev/optimization={self.name},glia.dev/part=notebook"
        return self.cluster.get("configmaps", "-n", self.namespace, "-l", labels)

    def records(self):
        """All records of all notebooks: kind, key, body."""
        pages = sorted(self.pages(), key=lambda one: one["metadata"]["name"])
        return [json.loads(line) for page in pages for line in page["data"]["records.jsonl"].splitlines()]

    def events(self):
        found = self.cluster.get("events", "-n", self.namespace)
        return [one for one in found if one["involvedObject"]["name"].startswith(self.name)]

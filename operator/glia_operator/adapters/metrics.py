"""The operator's own metrics, all called glia_*."""

from __future__ import annotations

from dataclasses import dataclass, field

import prometheus_client as prometheus

RECONCILE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Every metric, on a registry of its own."""

    registry: prometheus.CollectorRegistry = field(default_factory=prometheus.CollectorRegistry)
    reconciles: prometheus.Counter = field(init=False)
    reconcile_seconds: prometheus.Histogram = field(init=False)
    queue_depth: prometheus.Gauge = field(init=False)
    studies_running: prometheus.Gauge = field(init=False)
    experiments: prometheus.Counter = field(init=False)
    requests: prometheus.Counter = field(init=False)
    leader: prometheus.Gauge = field(init=False)
    policies: prometheus.Gauge = field(init=False)
    optimizations: prometheus.Gauge = field(init=False)
    predicted_improvement: prometheus.Gauge = field(init=False)
    watch_missed: prometheus.Counter = field(init=False)
    loop_lag_seconds: prometheus.Gauge = field(init=False)

    def __post_init__(self) -> None:
        """Register them."""
        made = {
            "reconciles": self._counter("glia_reconciles", "Looks at a GliaOptimization, by result.", "result"),
            "reconcile_seconds": prometheus.Histogram(
                "glia_reconcile_duration_seconds",
                "Time of one look: observing, deciding and applying.",
                buckets=RECONCILE_BUCKETS,
                registry=self.registry,
            ),
            "queue_depth": self._gauge("glia_queue_depth", "GliaOptimizations that wait to be looked at."),
            "studies_running": self._gauge("glia_studies_running", "Studies that run in this process."),
            "experiments": self._counter("glia_study_experiments", "Experiments finished by this process."),
            "requests": self._counter(
                "glia_api_requests", "Requests to the Kubernetes API; code 0 is no answer.", "verb", "code"
            ),
            "leader": self._gauge("glia_leader", "1 while this process leads, else 0."),
            "policies": self._gauge("glia_policies", "GliaPolicies by phase.", "phase"),
            "optimizations": self._gauge("glia_optimizations", "GliaOptimizations by phase.", "phase"),
            "predicted_improvement": self._gauge(
                "glia_predicted_improvement",
                "Share by which the twin predicts the objective to improve; standing is candidate or active.",
                "optimization_namespace",
                "optimization",
                "standing",
            ),
            "watch_missed": self._counter(
                "glia_watch_missed", "Changes that a resync found and the watch had not shown.", "kind"
            ),
            "loop_lag_seconds": self._gauge("glia_event_loop_lag_seconds", "How late the event loop last woke up."),
        }
        for name, metric in made.items():
            object.__setattr__(self, name, metric)

    def page(self) -> bytes:
        """All of them in Prometheus' text format."""
        return prometheus.generate_latest(self.registry)

    def count_request(self, verb: str, code: int) -> None:
        """One request to the API."""
        self.requests.labels(verb=verb, code=str(code)).inc()

    def _counter(self, name: str, what: str, *labels: str) -> prometheus.Counter:
        return prometheus.Counter(name, what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> prometheus.Gauge:
        return prometheus.Gauge(name, what, labels, registry=self.registry)

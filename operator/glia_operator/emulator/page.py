"""The /metrics page of one server: all families, and both formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from glia_operator.emulator import families, metric

if TYPE_CHECKING:
    from glia_operator.emulator import settings as settled

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Page:
    """Metrics by name; all that a fresh vLLM shows are there from the start."""

    def __init__(self, settings: settled.Settings, *, created: float) -> None:
        self._model = settings.served_model_name
        self._families = {family.name: family for family in families.make(settings.engine.max_model_len)}
        for name, family in self._families.items():
            if name == "vllm:cache_config_info":
                family.metric(families.cache_config(settings.engine), created)
                continue
            for labels in families.label_sets(name, self._model):
                family.metric(labels, created)
        self.number("vllm:engine_sleep_state", "awake").value = 1.0
        cast("metric.Number", next(iter(self._families["vllm:cache_config_info"].metrics.values()))).value = 1.0

    def number(self, name: str, value: str = "") -> metric.Number:
        """A counter or gauge; `value` is that of the family's own label where it has one."""
        return cast("metric.Number", self._find(name, value))

    def histogram(self, name: str) -> metric.Histogram:
        """A histogram."""
        return cast("metric.Histogram", self._find(name, ""))

    def _find(self, name: str, value: str) -> metric.Metric:
        for labels in families.label_sets(name, self._model):
            if not value or value in labels.values():
                return self._families[name].metric(labels, 0.0)
        raise KeyError(name, value)

    def http(self, name: str, labels: dict[str, str], *, now: float) -> metric.Metric:
        """A metric of the HTTP server, made at `now` when it is first asked for."""
        return self._families[name].metric(labels, now)

    def text(self) -> str:
        """The page in the text format."""
        return "".join(line for family in self._families.values() for line in family.text_lines())

    def open_text(self) -> str:
        """The page in the OpenMetrics format, without the end mark."""
        return "".join(line for family in self._families.values() for line in family.open_lines())

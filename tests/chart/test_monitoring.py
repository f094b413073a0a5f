"""Dashboard and alerts ask for metrics that the operator has, and say what they mean."""

from __future__ import annotations

import importlib
import json
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

ALERTS = pathlib.Path(__file__).parent / "alerts" / "glia.test.yaml"
SUFFIX = re.compile(r"_(total|bucket|sum|count|created)$")
METRIC = re.compile(r"\bglia_[a-z_]+\b")


@pytest.fixture(scope="module")
def rules(chart):
    return yaml.safe_load((chart / "files/alerts/glia.rules.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]


@pytest.fixture(scope="module")
def dashboard(chart):
    return json.loads((chart / "files/dashboards/operator.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def metrics():
    """Every metric of the operator, without suffix, with its labels."""
    try:
        module = importlib.import_module("glia_operator.adapters.metrics")
    except ModuleNotFoundError:
        pytest.skip("the operator has no metrics yet: glia_operator.adapters.metrics is missing")
    collectors = module.Metrics().registry._collector_to_names
    return {one._name: set(one._labelnames) | {"le", "job", "pod"} for one in collectors}


def queries(dashboard):
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def test_every_metric_asked_for_exists(dashboard, rules, metrics):
    wanted = {
        SUFFIX.sub("", name)
        for text in [*queries(dashboard), *(r["expr"] for r in rules)]
        for name in METRIC.findall(text)
    }
    assert wanted
    assert wanted <= set(metrics)


def test_every_metric_of_the_operator_is_on_the_dashboard(dashboard, metrics):
    shown = {SUFFIX.sub("", name) for text in queries(dashboard) for name in METRIC.findall(text)}
    assert set(metrics) <= shown


def test_every_label_asked_for_exists(dashboard, rules, metrics):
    for text in [*queries(dashboard), *(rule["expr"] for rule in rules)]:
        for name, selector in re.findall(r"\b(glia_[a-z_]+)\{([^}]*)\}", text):
            labels = set(re.findall(r"([a-z_]+)(?:=~|!~|!=|=)", selector))
            assert labels <= metrics[SUFFIX.sub("", name)], text


def test_every_panel_says_what_it_shows(dashboard):
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len(panels) > 15
    assert [panel["title"] for panel in panels if not panel["description"]] == []
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_no_two_panels_overlap(dashboard):
    cells = [
        (x, y)
        for panel in dashboard["panels"]
        for grid in [panel["gridPos"]]
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_every_alert_says_what_is_wrong_and_what_to_do(rules):
    for rule in rules:
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}


def test_the_dashboard_is_installed_as_it_is(render, dashboard):
    (content,) = render().one("ConfigMap", "glia-operator-dashboards")["data"].values()
    assert json.loads(content) == dashboard


def test_the_alerts_are_installed_as_they_are(render, rules):
    assert render("monitored").one("PrometheusRule")["spec"]["groups"][0]["rules"] == rules


def test_every_alert_fires_for_what_it_is_named_after_and_for_nothing_else(chart, tmp_path):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool here, so no alert is tried: apt-get install prometheus")
    shutil.copy(chart / "files/alerts/glia.rules.yaml", tmp_path)
    shutil.copy(ALERTS, tmp_path)
    command = [promtool, "test", "rules", tmp_path / ALERTS.name]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_alert_is_tried(rules):
    tried = ALERTS.read_text(encoding="utf-8")
    assert [rule["alert"] for rule in rules if rule["alert"] not in tried] == []

"""What the chart tells its readers is true."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import yaml


def test_the_readmes_table_is_that_of_the_values(repository):
    command = [sys.executable, repository / "tests/chart/values_table.py", "--check"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def test_every_value_has_a_comment(chart):
    table = (chart / "README.md").read_text(encoding="utf-8").split("|---|---|---|")[1]
    rows = [row.split("|") for row in table.splitlines() if row.startswith("|")]
    assert len(rows) > 35
    assert [row[1] for row in rows if len(row[3].strip()) < 10] == []


def test_chart_and_package_have_one_version(chart, repository):
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    assert about["appVersion"] == about["version"] == project["version"]


def notes(helm, chart, *words):
    command = [helm, "install", "glia-operator", chart, "-n", "glia-system", "--dry-run=client", *words]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split("NOTES:\n")[1]


def test_the_notes_say_what_to_do_next_in_commands_that_fit_the_release(helm, chart):
    text = notes(helm, chart)
    assert "kubectl -n glia-system rollout status deployment/glia-operator" in text
    assert "helm test glia-operator -n glia-system" in text
    assert "kubectl -n default create rolebinding glia-approvers --clusterrole=glia-approver --user=YOU" in text
    assert "manages all namespaces" in text


def test_the_notes_follow_the_values(helm, chart):
    text = notes(helm, chart, "--set", "watchNamespaces={chat},fullnameOverride=glia-team,crds.keep=false")
    assert "manages chat" in text
    assert "deployment/glia-team" in text
    assert "kubectl -n chat create rolebinding glia-approvers --clusterrole=glia-team-approver" in text
    assert "kubectl delete crd" not in text


def test_the_object_in_the_notes_is_one(helm, chart):
    found = re.search(r"<<EOF\n(.*?)\n *EOF", notes(helm, chart), re.DOTALL)
    assert found is not None
    example = yaml.safe_load(found[1])
    assert example["kind"] == "GliaOptimization"
    assert example["spec"]["target"]["workloadRef"]["name"] == "my-vllm"

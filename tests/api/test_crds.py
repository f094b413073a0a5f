"""The committed CustomResourceDefinitions are the models', and what Kubernetes demands of one."""

from __future__ import annotations

import pathlib

import pytest

from glia_operator.api import crds, reference, rule
from glia_operator.cli import main

ROOT = pathlib.Path(__file__).resolve().parents[2]
RENEW = "run `glia crds --out crds`"
FORBIDDEN = {"$ref", "definitions", "title", "allOf", "oneOf", "not", "patternProperties", "nullable", "const", "$defs"}


def nodes(schema, path=""):
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}[]")


@pytest.fixture(params=[kind.name for kind in crds.KINDS])
def schema(request, schemas):
    return schemas[request.param]


def test_the_committed_reference_is_what_the_models_say():
    committed = (ROOT / "docs" / "crd-reference.md").read_text(encoding="utf-8")
    assert committed == reference.page(), "run `glia crds --reference > docs/crd-reference.md`"


def test_the_command_writes_the_committed_files(tmp_path, capsys):
    assert main.main(["crds", "--out", str(tmp_path / "new")]) == 0
    written = {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()}
    assert written == {path.name: path.read_bytes() for path in (ROOT / "crds").glob("*.yaml")}, RENEW
    capsys.readouterr()


def test_a_folder_that_is_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main.main(["crds", "--out", str(tmp_path / "file")]) == 2
    assert "not a folder" in capsys.readouterr().err


def test_schemas_are_structural(schema):
    for path, node in nodes(schema):
        assert FORBIDDEN.isdisjoint(node), path
        assert ("type" in node) != ("x-kubernetes-int-or-string" in node), path
        assert not ("properties" in node and "additionalProperties" in node), path
        assert "anyOf" not in node or "x-kubernetes-int-or-string" in node, path


def test_every_text_list_and_map_is_bounded_so_that_the_cost_of_rules_is(schema):
    for path, node in nodes(schema):
        if path in (".apiVersion", ".kind"):
            continue
        if node.get("type") == "string":
            assert "maxLength" in node or "enum" in node, path
        if node.get("type") == "array":
            assert "maxItems" in node, path
            assert "x-kubernetes-list-type" in node, path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path


def test_a_list_map_requires_its_keys(schema):
    for path, node in nodes(schema):
        for key in node.get("x-kubernetes-list-map-keys", ()):
            assert key in node["items"]["required"], path


def test_every_field_is_described_for_explain(schema):
    for path, node in nodes(schema):
        if path.endswith("[]"):
            continue
        if path != ".metadata":
            assert node.get("description", "").endswith("."), path
            assert "\n" not in node["description"], path


def test_rules_have_a_message_for_people(schema):
    found = [one for _, node in nodes(schema) for one in node.get(rule.VALIDATIONS, ())]
    assert found
    for one in found:
        assert one["message"]
        assert "\n" not in one["message"]
        assert "self" not in one["message"]


def test_status_has_no_defaults_for_the_operator_writes_it_whole(schema):
    assert all("default" not in node for _, node in nodes(schema["properties"]["status"]))


def test_defaults_fit_their_own_schema(schema, object_to):
    for path, node in nodes(schema):
        if "default" in node:
            assert object_to(node, node["default"]) == [], path


@pytest.mark.parametrize("kind", crds.KINDS, ids=lambda kind: kind.name)
def test_names_and_columns_are_those_that_were_settled(kind):
    crd = crds.definition(kind)
    names = crd["spec"]["names"]
    assert names["categories"] == ["glia"]
    assert names["shortNames"] == {"GliaOptimization": ["gliaopt"], "GliaPolicy": ["gliapol"]}.get(
        kind.name, ["gliaassign"]
    )
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    (version,) = crd["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    assert "observedGeneration" in version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    assert [column["name"] for column in version["additionalPrinterColumns"] if column.get("priority", 0) == 0][
        -1
    ] == "Age"


def test_what_cannot_change_says_so(schemas):
    def transitions(node):
        return [one["message"] for one in node.get(rule.VALIDATIONS, ()) if "oldSelf" in one["rule"]]

    assert transitions(schemas["GliaPolicy"]["properties"]["spec"])
    assert transitions(schemas["GliaPolicy"])
    assert transitions(schemas["GliaOptimization"]["properties"]["spec"]["properties"]["target"])
    assert len(transitions(schemas["GliaAssignment"]["properties"]["spec"])) == 3

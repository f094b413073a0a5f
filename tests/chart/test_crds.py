"""The chart installs the definitions that the code renders, and leaves them in place unless told otherwise."""

from __future__ import annotations

import pytest
import yaml

KEEP = "helm.sh/resource-policy"
PLURALS = {"gliaoptimizations", "gliapolicies", "gliaassignments"}


def definitions(folder):
    return {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yaml"))}


@pytest.fixture(scope="module")
def rendered_by_code(repository):
    return definitions(repository / "crds")


def test_the_copy_is_what_the_code_rendered(chart, repository, rendered_by_code):
    assert {one["spec"]["names"]["plural"] for one in rendered_by_code.values()} == PLURALS
    for name in rendered_by_code:
        assert (chart / "files/crds" / name).read_bytes() == (repository / "crds" / name).read_bytes(), "make crds"
    assert {path.name for path in (chart / "files/crds").iterdir()} == set(rendered_by_code)


def same(received, expected) -> bool:
    """Equal to the last type: Helm turns every number into a float on the way."""
    if isinstance(expected, dict):
        return set(received) == set(expected) and all(same(received[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(received) == len(expected) and all(map(same, received, expected))
    return type(received) is type(expected) and received == expected


def test_helm_changes_nothing_in_a_definition(render, rendered_by_code):
    installed = {each["metadata"]["name"]: each for each in render().of("CustomResourceDefinition")}
    assert len(installed) == len(rendered_by_code)
    for definition in rendered_by_code.values():
        assert same(installed[definition["metadata"]["name"]]["spec"], definition["spec"])


def test_uninstall_keeps_definitions_unless_told_otherwise(render):
    def kept(**values):
        return [
            each["metadata"].get("annotations", {}).get(KEEP)
            for each in render(**values).of("CustomResourceDefinition")
        ]

    assert set(kept()) == {"keep"}
    assert set(kept(crds__keep=False)) == {None}


def test_definitions_can_be_left_to_others(render):
    assert render(crds__enabled=False).of("CustomResourceDefinition") == []

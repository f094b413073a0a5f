"""What the schema accepts the models accept, and what it refuses they refuse, rules in CEL aside.

Rules have both meanings side by side in `api.rule`; tests/e2e compares them on a real API server.
"""

from __future__ import annotations

import copy
import pathlib

import hypothesis
import pytest
import yaml
from hypothesis import strategies as st

from glia_operator.api import crds, schema
from glia_sim import faults

VALUES = st.one_of(
    st.integers(-3, 300),
    st.sampled_from([2**31, 2**53, 2**53 + 1, -(2**63), 10**9, 0.5, 0.9, 0.85, -1.5, 1e308]),
    st.booleans(),
    st.text(max_size=20),
    st.sampled_from(["", "5%", "30m", "Approved", "True", "a" * 70, "a" * 300, "a" * 5000, "1500ms", "apps/v1"]),
    st.sampled_from([[], {}, [1], {"name": "x"}, {"unknown": 1}, [{"metric": "ttft"}], [[]]]),
)
FOLDER = pathlib.Path(__file__).parent / "whole"
ANY = {"type": "object", "additionalProperties": {"type": "string"}}
SCHEMAS = {kind.name: schema.structural(kind.model) for kind in crds.KINDS}
for node in SCHEMAS.values():
    node["properties"] |= {"metadata": ANY}
WHOLE = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))}


def paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for name, child in value.items():
            yield from paths(child, (*path, name))
    if isinstance(value, list):
        for position, child in enumerate(value):
            yield from paths(child, (*path, position))


def at(content, path):
    for part in path:
        content = content[part]
    return content


def refusal(read, content):
    try:
        read(content)
    except faults.InputFault as fault:
        return str(fault)
    return None


def messages(node):
    found = {one["message"] for one in node.get("x-kubernetes-validations", ())}
    for child in (*node.get("properties", {}).values(), node.get("items"), node.get("additionalProperties")):
        found |= messages(child) if isinstance(child, dict) else set()
    return found


def agree(name, read, content, object_to):
    found, refused = object_to(SCHEMAS[name], content), refusal(read, content)
    if found:
        assert refused is not None, found
    elif refused is not None:
        ruled = [message for message in MESSAGES[name] if message.lower()[1:] in refused.lower()]
        assert ruled or "must be a moment" in refused, refused


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_object_is_accepted_by_both(name, readers, object_to):
    assert refusal(readers[name], WHOLE[name]) is None
    agree(name, readers[name], WHOLE[name], object_to)


MESSAGES = {name: messages(node) for name, node in SCHEMAS.items()}
PLACES = [(name, path) for name, content in WHOLE.items() for path in paths(content["spec"], ("spec",))]


@hypothesis.settings(max_examples=500, deadline=None)
@hypothesis.given(
    place=st.sampled_from(PLACES),
    what=st.sampled_from(["replace", "remove", "add"]),
    field=st.sampled_from(["unknown", "min_replicas", "name", "Spec", "workload_ref"]),
    value=VALUES,
)
def test_a_changed_object_is_judged_alike(readers, object_to, place, what, field, value):
    name, path = place
    content = copy.deepcopy(WHOLE[name])
    node = at(content, path)
    if what == "add":
        hypothesis.assume(isinstance(node, dict))
        node[field] = value
    elif what == "replace":
        # In a file a limit may have a fraction; an object has no such type (`words.Limit`).
        hypothesis.assume(not (path[-1] == "below" and isinstance(value, float)))
        at(content, path[:-1])[path[-1]] = value
    else:
        del at(content, path[:-1])[path[-1]]
    agree(name, readers[name], content, object_to)


def test_a_status_of_a_later_version_is_still_read(readers, whole):
    from_later = whole("GliaOptimization") | {"status": {"phase": "Studying", "feelings": ["fine"]}}
    assert readers["GliaOptimization"](from_later).status.phase == "Studying"


@pytest.mark.parametrize("name", WHOLE)
def test_reading_and_writing_gives_the_same_object(name, readers):
    once = readers[name](WHOLE[name])
    assert readers[name](once.plain()) == once

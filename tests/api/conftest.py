"""A whole object of each kind, and a small validator of structural schemas that shares no code with the models."""

from __future__ import annotations

import pathlib

import pytest
import yaml

from glia_operator.api import assignment, crds, optimization, policy, schema

FOLDER = pathlib.Path(__file__).parent / "whole"
READERS = {"GliaOptimization": optimization.read, "GliaPolicy": policy.read, "GliaAssignment": assignment.read}


def content(name):
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def readers():
    """What reads an object of each kind."""
    return READERS


@pytest.fixture
def whole():
    """A whole object of a kind, to be changed at will."""
    return content


@pytest.fixture(scope="session")
def schemas():
    """The schemas by kind."""
    return {kind.name: schema.structural(kind.model) for kind in crds.KINDS}


TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}


def objections(schema, value, path=""):
    """What Kubernetes' schema validation would object to, rules in CEL aside."""
    if "x-kubernetes-int-or-string" in schema:
        return _int_or_string(schema, value, path)
    if not isinstance(value, TYPES[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        return [f"{path}: must be of type {schema['type']}"]
    if schema["type"] == "object":
        return _object(schema, value, path)
    if schema["type"] == "array":
        inner = [one for item in value for one in objections(schema["items"], item, path + "[]")]
        return inner + ([f"{path}: too many"] if len(value) > schema.get("maxItems", 10**9) else [])
    return _scalar(schema, value, path)


def _int_or_string(schema, value, path):
    if isinstance(value, bool) or not isinstance(value, int | str):
        return [f"{path}: must be of type integer,string"]
    if isinstance(value, int):
        return [] if schema["minimum"] <= value <= schema["maximum"] else [f"{path}: out of bounds"]
    return [] if len(value) <= schema["maxLength"] else [f"{path}: too long"]


def _object(schema, value, path):
    if "additionalProperties" in schema:
        found = [
            one for item in value.values() for one in objections(schema["additionalProperties"], item, path + ".*")
        ]
        fits = schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", 10**9)
        return found + ([] if fits else [f"{path}: number of entries"])
    known = schema.get("properties", {})
    found = [f"{path}.{name}: unknown field" for name in value if name not in known]
    found += [f"{path}.{name}: required" for name in schema.get("required", ()) if name not in value]
    return found + [
        one for name, item in value.items() if name in known for one in objections(known[name], item, f"{path}.{name}")
    ]


def _scalar(schema, value, path):
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path}: unsupported value")
    if isinstance(value, str) and not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9):
        found.append(f"{path}: too long or short")
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
        if not low <= value <= high or (schema.get("exclusiveMinimum") and value == low):
            found.append(f"{path}: out of bounds")
    return found


@pytest.fixture(scope="session")
def object_to():
    """The validator."""
    return objections

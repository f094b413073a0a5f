"""From a model to the structural OpenAPI v3 schema that Kubernetes accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from glia_operator.api import section

Schema = dict[str, Any]
INT_OR_STRING = "x-kubernetes-int-or-string"
_ORDER = ("description", "type", "format", "default", "enum", "required", "properties")
_DROPPED = ("title", "$defs", "additionalProperties", "default", "const")
_EMPTY: tuple[object, ...] = (None, "", [], {})


def structural(model: type[section.Section]) -> Schema:
    """The schema of a kind, metadata left to Kubernetes."""
    whole = model.model_json_schema(by_alias=True)
    built = _convert(whole, whole.get("$defs", {}))
    properties = built["properties"]
    properties["apiVersion"] = {"type": "string", "description": "Group and version: glia.dev/v1alpha1."}
    properties["kind"] = {"type": "string", "description": f"Kind of the object: {model.__name__}."}
    properties["metadata"] = {"type": "object"}
    if "status" in properties:
        properties["status"] = _without_defaults(properties["status"])
    built["required"] = [name for name in built.get("required", ()) if name != "metadata"]
    return built


def _convert(node: Mapping[str, Any], known: Mapping[str, Any]) -> Schema:
    """One schema without references, null types, titles and what structural schemas forbid."""
    node = _resolved(node, known)
    built: Schema = {key: value for key, value in node.items() if key not in _DROPPED}
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            built[key] = _convert(node[key], known)
    if "properties" in node:
        built["properties"] = {name: _convert(child, known) for name, child in node["properties"].items()}
    if "exclusiveMinimum" in node:
        built |= {"minimum": node["exclusiveMinimum"], "exclusiveMinimum": True}
    if "const" in node:
        built["enum"] = [node["const"]]
    if "description" in node:
        built["description"] = " ".join(node["description"].split())
    if built.get("type") == "integer":
        built["format"] = "int64"
    default = _slim(node.get("default"), built)
    if default not in _EMPTY or (default == {} and built.get("properties") is not None):
        built["default"] = default
    return _ordered(built)


def _resolved(node: Mapping[str, Any], known: Mapping[str, Any]) -> Schema:
    """The schema that a reference or an optional type stands for; what stands beside it wins."""
    beside = {key: value for key, value in node.items() if key not in ("$ref", "anyOf")}
    if "$ref" in node:
        return {**_resolved(known[node["$ref"].rpartition("/")[2]], known), **beside}
    if "anyOf" in node and INT_OR_STRING not in node:
        (only,) = (one for one in node["anyOf"] if one.get("type") != "null")
        return {**_resolved(only, known), **beside}
    return dict(node)


def _slim(default: Any, built: Schema) -> Any:  # noqa: ANN401 - any JSON
    """A default without what the defaults inside give anyway."""
    if not isinstance(default, dict):
        return default
    slim = {}
    for name, value in default.items():
        child = built.get("properties", {}).get(name, {})
        inner = _slim(value, child)
        if inner is not None and ("default" not in child or child["default"] != inner) and inner != "":
            slim[name] = inner
    return slim


def _without_defaults(built: Schema) -> Schema:
    """Status is written whole by the operator: what it did not say stays unsaid."""
    bare = {key: value for key, value in built.items() if key != "default"}
    if "properties" in bare:
        bare["properties"] = {name: _without_defaults(child) for name, child in bare["properties"].items()}
    if "items" in bare:
        bare["items"] = _without_defaults(bare["items"])
    return bare


def _ordered(built: Schema) -> Schema:
    first = {key: built[key] for key in _ORDER if key in built}
    return first | {key: built[key] for key in sorted(built) if key not in first}

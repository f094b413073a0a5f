"""The reference page of the custom resources, from the same schemas as `crds/`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from glia_operator.api import crds, meta, rule, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = f"""# Custom resources

Group `{meta.GROUP}`, version `{meta.VERSION}`; all kinds are namespaced, have a status subresource and belong to the
category `glia` (`kubectl get glia`). An unknown field is refused, and so is a value outside the bounds below.
`glia crds --reference` writes this page from the same models as `crds/`.

Durations are a whole number with a unit: `1500ms`, `90s`, `30m`, `2h`. Shares are percentages: `5%`.
"""
_BOUNDS = (
    ("enum", "one of {}"),
    ("maximum", "at most {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("maxItems", "at most {} items"),
    ("minProperties", "at least {} entries"),
    ("maxProperties", "at most {} entries"),
)


def page() -> str:
    """The page, in Markdown."""
    return HEAD + "".join(_kind(kind) for kind in crds.KINDS)


def _kind(kind: crds.Kind) -> str:
    built = schema.structural(kind.model)
    lines = [f"\n## {kind.name}\n", f"{built['description']} Short name `{kind.short}`.\n"]
    lines += [f"- {one['message']}" for one in built.get(rule.VALIDATIONS, ())]
    for part in ("spec", "approval", "status"):
        if part in built["properties"]:
            lines += [f"\n### {kind.name}.{part}\n", *_table(built["properties"][part])]
    return "\n".join(lines) + "\n"


def _table(part: schema.Schema) -> list[str]:
    rows = [f"| `{path}` | {what} | {words} |" for path, what, words in _rows("", part)]
    lines = [f"{part['description']}\n", "| field | type | meaning |", "|---|---|---|", *rows]
    rules = [f"- {one['message']}" for one in part.get(rule.VALIDATIONS, ())]
    return [*lines, "", *rules] if rules else lines


def _rows(prefix: str, node: schema.Schema) -> Iterator[tuple[str, str, str]]:
    required = node.get("required", ())
    for name, child in node.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield path, _type(child), _words(child, required=name in required)
        yield from _inside(path, child)


def _inside(path: str, node: schema.Schema) -> Iterator[tuple[str, str, str]]:
    if node.get("type") == "array":
        yield from _rows(f"{path}[].", node["items"])
    elif "additionalProperties" in node:
        yield from _rows(f"{path}.NAME.", node["additionalProperties"])
    else:
        yield from _rows(f"{path}.", node)


def _type(node: schema.Schema) -> str:
    if schema.INT_OR_STRING in node:
        return "integer or string"
    if node["type"] == "array":
        return f"list of {_type(node['items'])}s"
    if "additionalProperties" in node:
        return f"map of {_type(node['additionalProperties'])}s"
    return str(node.get("format") if node.get("format") == "date-time" else node["type"])


def _words(node: schema.Schema, *, required: bool) -> str:
    words = [str(node.get("description", "")).rstrip(".") + "."]
    if required:
        words.append("Required.")
    if "default" in node:
        words.append(f"Default: `{json.dumps(node['default'])}`.")
    bounds = (
        [f"{'above' if node.get('exclusiveMinimum') else 'at least'} {_shown(node['minimum'])}"]
        if "minimum" in node
        else []
    )
    bounds += [pattern.format(_shown(node[key])) for key, pattern in _BOUNDS if key in node]
    if bounds:
        words.append(f"{', '.join(bounds)[0].upper()}{', '.join(bounds)[1:]}.")
    words += [f"Rule: {one['message']}." for one in node.get(rule.VALIDATIONS, ())]
    if node.get("type") == "array":
        words += [f"Rule: {one['message']}." for one in node["items"].get(rule.VALIDATIONS, ())]
    return " ".join(words).replace("|", "\\|")


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON
    return ", ".join(f"`{one}`" for one in value) if isinstance(value, list) else f"{value:,}"

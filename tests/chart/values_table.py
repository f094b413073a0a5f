"""Writes the table of values in the chart's README from the comments in values.yaml.

python tests/chart/values_table.py [--check]
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
from typing import Any

import yaml

CHART = pathlib.Path(__file__).resolve().parents[2] / "helm" / "glia-operator"
BEGIN, END = "<!-- values: written by `make chart-docs` -->", "<!-- end of values -->"
KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z]\w*):(?P<value>.*)$")


def commented(text: str) -> dict[str, str]:
    """The comment of every key, by its dotted path."""
    found: dict[str, str] = {}
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        match = KEY.match(line)
        if stripped.startswith("#"):
            comment.append(stripped.lstrip("# "))
        elif match:
            path = [*path[: len(match["indent"]) // 2], match["key"]]
            found[".".join(path)] = " ".join(comment)
            comment = []
        else:
            comment = []
    return found


def leaves(values: dict[str, Any], comments: dict[str, str], path: str = "") -> list[tuple[str, Any]]:
    """Every value with its dotted path; a mapping whose keys have comments is a section, not a value."""
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        where = f"{path}{key}"
        if isinstance(value, dict) and any(known.startswith(f"{where}.") and text for known, text in comments.items()):
            found += leaves(value, comments, f"{where}.")
        elif where in comments:
            found.append((where, value))
    return found


def table() -> str:
    """The table in Markdown."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    comments = commented(text)
    rows = [
        f"| `{path}` | `{json.dumps(value)}` | {comments[path]} |"
        for path, value in leaves(yaml.safe_load(text), comments)
    ]
    return "\n".join(["| value | default | meaning |", "|---|---|---|", *rows])


def main() -> int:
    """Rewrite README.md; with --check only say whether it would change."""
    readme = CHART / "README.md"
    before = readme.read_text(encoding="utf-8")
    head, rest = before.split(BEGIN)
    after = f"{head}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"
    if "--check" in sys.argv:
        sys.stdout.write("" if after == before else f"{readme.name} is older than values.yaml: make chart-docs\n")
        return int(after != before)
    readme.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

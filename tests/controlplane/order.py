"""What a cluster is asked to be, written to its folder for the processes that make it."""

from __future__ import annotations

import dataclasses
import json
import pathlib

from controlplane import layout


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Programs, addresses, nodes by kind, and the checkout whose code pods run."""

    programs: dict[str, pathlib.Path]
    plan: layout.Layout
    nodes: dict[str, int]
    checkout: pathlib.Path
    pod_environment: dict[str, str]


def write(folder: pathlib.Path, placed: Order) -> None:
    """Writes order.json, whole or not at all."""
    partial = folder / "order.json.partial"
    partial.write_text(json.dumps(dataclasses.asdict(placed), default=str, indent=1))
    partial.replace(folder / "order.json")


def read(folder: pathlib.Path) -> Order:
    """Reads what `write` wrote."""
    raw = json.loads((folder / "order.json").read_text())
    programs = {name: pathlib.Path(path) for name, path in raw["programs"].items()}
    plan = layout.Layout(**{**raw["plan"], "folder": pathlib.Path(raw["plan"]["folder"])})
    return Order(**{**raw, "programs": programs, "plan": plan, "checkout": pathlib.Path(raw["checkout"])})

"""The work of the commands that speak with a cluster."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import TYPE_CHECKING, Any, Literal

from glia_operator.api import optimization
from glia_operator.cli import files
from glia_operator.plugin import changes, decisions, explain, report, status, text, told, wire
from glia_sim import faults
from glia_sim.policy import change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.plugin.cluster import Cluster


def connect(namespace: str, context: str, kubeconfig: str) -> Cluster:
    """The cluster that the options name."""
    return wire.connect(wire.Login(namespace=namespace, context=context, kubeconfig=kubeconfig))


def show_status(where: Cluster, name: str, *, as_json: bool) -> None:
    """One optimisation at length, or a line for each."""
    if not name:
        bodies = where.items(optimization.KIND)
        found = [optimization.read(body) for body in bodies]
        _say(status.overview(found, where.namespace), [one.plain() for one in found], as_json=as_json)
        return
    gathered = told.gather(where, name)
    plain = gathered.optimization.plain() | {"policies": [one.plain() for one in gathered.policies]}
    _say(status.details(gathered), plain, as_json=as_json)


def show_explanation(where: Cluster, name: str, *, as_json: bool) -> None:
    """Why this policy, or why none."""
    gathered = told.gather(where, name)
    of = told.chosen(gathered, name)
    if of is None:
        _say(explain.nothing(gathered), {"policy": None, "trail": _trail(gathered, "")}, as_json=as_json)
        return
    content = {"policy": of.plain(), "trail": _trail(gathered, of.spec.evidence.brief_digest)}
    _say(explain.proposed(gathered, of), content, as_json=as_json)


def _trail(gathered: told.Told, brief: str) -> list[dict[str, Any]]:
    return [
        {
            "number": one.number,
            "title": one.title,
            "hypothesis": one.hypothesis,
            "finding": one.finding,
            "kept": one.kept,
        }
        for one in gathered.notebook(brief).trail
    ]


def show_history(where: Cluster, name: str, *, as_json: bool) -> None:
    """Every policy of an optimisation."""
    gathered = told.gather(where, name)
    _say(status.history(gathered), [one.plain() for one in gathered.policies], as_json=as_json)


def show_difference(where: Cluster, name: str, revisions: Sequence[int], *, as_json: bool) -> None:
    """What differs between two policies."""
    old, new = changes.pair(told.gather(where, name), revisions)
    found = change.describe(old, new)
    content = {"from": old.name, "to": new.name, "words": list(found.words), "diff": found.diff}
    _say(changes.page(old, new), content, as_json=as_json)


def decide(where: Cluster, name: str, decision: Literal["Approved", "Rejected"], reason: str) -> None:
    """Approve or reject."""
    _say(decisions.decide(where, name, decision, reason))


def pause(where: Cluster, name: str, *, paused: bool) -> None:
    """Pause or resume."""
    _say(decisions.pause(where, name, paused=paused))


def hint(where: Cluster, name: str, words: str) -> None:
    """Add a hint."""
    _say(decisions.hint(where, name, words))


def write_report(where: Cluster, name: str, out: str) -> None:
    """One HTML page about a policy.

    Raises:
        InputFault: there is no policy to report on, and why.
    """
    gathered = told.gather(where, name)
    of = told.chosen(gathered, name)
    if of is None:
        raise faults.InputFault(_no_report(gathered))
    path = files.writable(pathlib.Path(out or f"{of.metadata.name}.html"))
    files.write(path, report.page(gathered, of))
    _say(f"{path}\n")


def _no_report(gathered: told.Told) -> str:
    found = gathered.optimization.status
    phase = found.phase if found is not None and found.phase else "not seen by the operator yet"
    return f"{gathered.name} has no policy to report on ({phase}); `glia explain {gathered.name}` tells what was tried"


def _say(words: str, content: Any = None, *, as_json: bool = False) -> None:  # noqa: ANN401 - any JSON
    sys.stdout.write(json.dumps(content, indent=2) + "\n" if as_json else text.plain(words))

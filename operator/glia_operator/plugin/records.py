"""A study's notebook as the cluster holds it: records in owned ConfigMaps, read back and verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glia_operator.api import meta
from glia_operator.research import notebook as notebooks
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glia_operator.plugin import cluster

KEY = "records.jsonl"
BRIEF = f"{meta.GROUP}/brief-digest"
PART = "notebook"
SPOKEN = frozenset({"ask", "state"})
"""Acts of a conversation that are questions and answers; what else is said stands beside the experiments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One experiment as the notebook tells it; `finding` is empty while it runs."""

    number: int
    title: str
    hypothesis: str
    finding: str = ""
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """Every record of one study.

    Attributes:
        flaw: why the chain of digests does not hold, in one sentence; empty where it holds.
    """

    records: tuple[notebooks.Record, ...] = ()
    flaw: str = ""
    digest: str = notebooks.GENESIS

    @property
    def trail(self) -> tuple[Tried, ...]:
        """The experiments in the order they were made."""
        findings = {one.key: one.body for one in self.records if one.kind == "finding"}
        return tuple(
            _tried(one.key, one.body, findings.get(one.key)) for one in self.records if one.kind == "hypothesis"
        )

    @property
    def talk(self) -> tuple[tuple[str, str], ...]:
        """Questions and findings of the conversation in order: who said it, and the words."""
        said = [one.body for one in self.records if one.kind == "turn" and isinstance(one.body, dict)]
        return tuple((str(one.get("role", "")), str(one.get("text", ""))) for one in said if one.get("act") in SPOKEN)

    @property
    def exams(self) -> tuple[notebooks.Record, ...]:
        """Exams in order; the key is the policy's digest."""
        return tuple(one for one in self.records if one.kind == "exam")


def read(config_maps: Iterable[cluster.Object], brief: str) -> Notebook:
    """The notebook on that brief; empty where no ConfigMap holds one."""
    pages = [one for one in config_maps if _annotation(one, BRIEF) in ("", brief)]
    ordered = sorted(
        pages, key=lambda one: (_annotation(one, meta.ANNOTATION_SEQUENCE).zfill(8), one["metadata"]["name"])
    )
    found: list[notebooks.Record] = []
    last, flaw = notebooks.GENESIS, ""
    for page in ordered:
        for number, line in enumerate((page.get("data") or {}).get(KEY, "").splitlines(), start=1):
            place = f"ConfigMap {page['metadata']['name']}, line {number}"
            try:
                record = notebooks.read(line)
            except faults.InputFault as fault:
                flaw = flaw or f"{place}: {fault}"
                continue
            if record.digest != notebooks.digest(last, record.kind, record.key, record.body):
                flaw = flaw or f"{place}: changed after it was written"
            last = record.digest
            found.append(record)
    return Notebook(records=tuple(found), flaw=flaw, digest=last)


def _annotation(body: cluster.Object, name: str) -> str:
    return str((body["metadata"].get("annotations") or {}).get(name, ""))


def _tried(key: str, body: Any, finding: Any) -> Tried:  # noqa: ANN401 - any JSON
    """From a key such as `3 headroom admission sha256:...`."""
    number, _, rest = key.partition(" ")
    title = rest.rpartition(" ")[0] or rest
    found = finding if isinstance(finding, dict) else {}
    return Tried(
        number=int(number) if number.isdigit() else 0,
        title=title,
        hypothesis=str(body.get("hypothesis", "")) if isinstance(body, dict) else "",
        finding=str(found.get("finding", "")),
        kept=bool(found.get("kept")),
    )

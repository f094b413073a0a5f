"""The CustomResourceDefinitions, rendered from the models; `glia crds` writes them to `crds/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from glia_operator.api import assignment, meta, optimization, policy, schema

if TYPE_CHECKING:
    from glia_operator.api import section

HEADER = "# Rendered by `glia crds` from operator/glia_operator/api; do not edit.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of `kubectl get`; `wide` ones show with -o wide."""

    name: str
    path: str
    type: str = "string"
    description: str
    wide: bool = False

    def content(self) -> dict[str, Any]:
        """The entry in `additionalPrinterColumns`."""
        entry = {"name": self.name, "type": self.type, "jsonPath": self.path, "description": self.description}
        return {**entry, "priority": 1} if self.wide else entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of custom resource."""

    model: type[section.Section]
    plural: str
    short: str
    columns: tuple[Column, ...]

    @property
    def name(self) -> str:
        """The kind as manifests write it."""
        return self.model.__name__

    @property
    def crd_name(self) -> str:
        """Name of the CustomResourceDefinition."""
        return f"{self.plural}.{meta.GROUP}"


AGE = Column(name="Age", path=".metadata.creationTimestamp", type="date", description="Time since it was created.")

KINDS = (
    Kind(
        model=optimization.GliaOptimization,
        plural="gliaoptimizations",
        short="gliaopt",
        columns=(
            Column(name="Phase", path=".status.phase", description="Where it stands."),
            Column(
                name="Predicted",
                path=".status.candidate.predictedImprovement",
                description="Improvement of the objective that the twin predicts for the candidate.",
            ),
            Column(name="Active", path=".status.active.policy", description="The policy that was approved last."),
            AGE,
            Column(name="Objective", path=".spec.objective.*", description="What to improve.", wide=True),
            Column(name="Message", path=".status.message", description="What happens or what to mend.", wide=True),
        ),
    ),
    Kind(
        model=policy.GliaPolicy,
        plural="gliapolicies",
        short="gliapol",
        columns=(
            Column(name="Optimization", path=".spec.optimization", description="The GliaOptimization it answers."),
            Column(name="Phase", path=".status.phase", description="Where it stands."),
            Column(
                name="Improvement",
                path=".spec.evidence.improvement",
                description="Improvement of the objective on held-out arrivals in the twin.",
            ),
            Column(
                name="P99",
                path=".spec.evidence.p99Ratio",
                type="number",
                description="p99 end-to-end time as a multiple of the baseline's.",
            ),
            Column(name="By", path=".approval.by", description="Who decided."),
            AGE,
        ),
    ),
    Kind(
        model=assignment.GliaAssignment,
        plural="gliaassignments",
        short="gliaassign",
        columns=(
            Column(name="Mode", path=".spec.mode", description="Who follows the candidate."),
            Column(name="Baseline", path=".spec.baseline.policy", description="The last known good policy."),
            Column(name="Candidate", path=".spec.candidate.policy", description="The policy on trial."),
            Column(name="Epoch", path=".spec.epoch", type="integer", description="Grows with every change."),
            Column(name="Until", path=".spec.validUntil", description="Then all follow the baseline."),
            AGE,
        ),
    ),
)


def definition(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of one kind."""
    names = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.name.lower(),
        "shortNames": [kind.short],
        "categories": ["glia"],
    }
    version = {
        "name": meta.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [column.content() for column in kind.columns],
        "schema": {"openAPIV3Schema": schema.structural(kind.model)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name, "annotations": {"helm.sh/resource-policy": "keep"}},
        "spec": {"group": meta.GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def files() -> dict[str, str]:
    """Text of every file in `crds/`, by its name."""
    return {f"{meta.GROUP}_{kind.plural}.yaml": HEADER + dumps(definition(kind)) for kind in KINDS}


class _Dumper(yaml.SafeDumper):
    """Writes every value in full."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def dumps(content: dict[str, Any]) -> str:
    """YAML with the fields in the order they have."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)

"""Everything that a cluster holds about one optimisation, gathered and read."""

from __future__ import annotations

from dataclasses import dataclass

from glia_operator.api import meta, optimization, policy
from glia_operator.plugin import cluster, records
from glia_operator.research import revision
from glia_sim import faults
from glia_sim.policy import catalogue, document


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One optimisation, its policies by revision, and its notebook's ConfigMaps.

    Attributes:
        unread: why the notebook could not be read; empty where it was.
    """

    optimization: optimization.GliaOptimization
    policies: tuple[policy.GliaPolicy, ...]
    pages: tuple[cluster.Object, ...] = ()
    unread: str = ""

    @property
    def name(self) -> str:
        """The optimisation's name."""
        return self.optimization.metadata.name

    def notebook(self, brief: str) -> records.Notebook:
        """The notebook on that brief."""
        return records.read(self.pages, brief)

    def revision(self, number: int) -> policy.GliaPolicy:
        """The policy of that revision.

        Raises:
            InputFault: there is none; which there are.
        """
        for one in self.policies:
            if one.spec.revision == number:
                return one
        known = ", ".join(str(one.spec.revision) for one in self.policies) or "none yet"
        raise faults.InputFault(f"{self.name} has no revision {number}; it has {known}")

    def parent(self, of: policy.GliaPolicy) -> document.Policy | None:
        """The policy document that a revision would replace; None where it is neither here nor in the catalogue."""
        for one in self.policies:
            if one.spec.digest == of.spec.parent:
                return revision.policy_document(one.spec)
        named = of.spec.evidence.baseline_policy
        found = document.load(named) if named in catalogue.names() else None
        return found if found is not None and found.digest == of.spec.parent else None


def gather(where: cluster.Cluster, name: str) -> Told:
    """What the cluster holds about the optimisation of that name, or about the one behind the policy of that name.

    Raises:
        Missing: neither an optimisation nor a policy has that name.
        InputFault: an object cannot be read.
    """
    try:
        body = where.get(optimization.KIND, name)
    except cluster.Missing as missing:
        body = _asker(where, name, missing)
    found = optimization.read(body)
    bodies = where.items(policy.KIND)
    policies = [policy.read(one) for one in bodies if one.get("spec", {}).get("optimization") == found.metadata.name]
    pages, unread = _pages(where, found.metadata.name)
    ordered = tuple(sorted(policies, key=lambda one: one.spec.revision))
    return Told(optimization=found, policies=ordered, pages=pages, unread=unread)


def _pages(where: cluster.Cluster, name: str) -> tuple[tuple[cluster.Object, ...], str]:
    """The notebook's ConfigMaps; whoever may approve need not have the right to read them."""
    labels = f"{meta.LABEL_OPTIMIZATION}={name},{meta.LABEL_PART}={records.PART}"
    try:
        return tuple(where.items("ConfigMap", labels=labels)), ""
    except cluster.Refused as refused:
        return (), str(refused)


def _asker(where: cluster.Cluster, name: str, missing: cluster.Missing) -> cluster.Object:
    try:
        proposed = policy.read(where.get(policy.KIND, name))
    except cluster.Missing:
        raise missing from None
    return where.get(optimization.KIND, proposed.spec.optimization)


def chosen(told: Told, name: str) -> policy.GliaPolicy | None:
    """The policy that a name means: itself, else the optimisation's candidate, active or newest policy."""
    status = told.optimization.status
    names = [name]
    if status is not None:
        names += [one.policy for one in (status.candidate, status.active) if one is not None]
    by_name = {one.metadata.name: one for one in told.policies}
    for one in names:
        if one in by_name:
            return by_name[one]
    return told.policies[-1] if told.policies else None

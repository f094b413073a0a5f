"""A reference to a key of a Secret; no secret itself ever stands in an object."""

from __future__ import annotations

from glia_operator.api import section, words


class SecretRef(section.Section):
    """One key of a Secret in the namespace of this object."""

    name: words.Name
    """Name of the Secret."""
    key: words.Key
    """Key in the Secret."""

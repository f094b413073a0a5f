"""Why there is no cluster."""

from __future__ import annotations


class ClusterFault(Exception):  # noqa: N818 - named as all faults here
    """A cluster cannot be had or does not answer; the message says what is missing and what would help."""

"""Observe, decide, apply: from what stands in the cluster to one patch and a few actions."""

"""The twin: a deterministic simulator of a fleet of vLLM replicas, and everything that marks a policy in it."""

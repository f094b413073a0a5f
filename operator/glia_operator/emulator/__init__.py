"""An emulated vLLM server: its API and metrics in front of the twin's replica engine, run against the wall clock."""

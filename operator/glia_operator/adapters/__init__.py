"""The only code that does I/O: the clock, the Kubernetes API, processes, servers."""

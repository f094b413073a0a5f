"""A real Kubernetes control plane on one machine, with a node agent that runs pods as local processes."""

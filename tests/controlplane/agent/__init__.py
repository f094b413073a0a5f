"""The node agent: stands in for every kubelet of the cluster and runs each pod's containers as local processes."""

"""`kubectl glia`: what a cluster holds about an optimisation, in words, and the decisions of people."""

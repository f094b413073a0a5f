"""Studies that are killed at random instants: what `make kill-study` and the short test of it share."""

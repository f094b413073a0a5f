"""Research: profile the baseline, form hypotheses, experiment in the twin, compose, tune, and sit the exam."""

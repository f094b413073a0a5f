"""What arrives: traces, readers, resampling by seed, synthetic generators."""

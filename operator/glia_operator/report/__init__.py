"""What a run of research found, as one HTML file that needs nothing else."""

"""The operator: research, rollout and the command line around the twin."""

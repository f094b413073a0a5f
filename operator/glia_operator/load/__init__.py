"""Replays a trace against servers, open-loop, and records what clients see."""

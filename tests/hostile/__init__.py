"""Hostile and silly objects, and who has to refuse each: the API server, or the operator by a condition."""

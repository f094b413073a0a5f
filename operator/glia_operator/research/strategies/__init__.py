"""Strategies without a conversation: controls, a search without a model, and a model without a team."""

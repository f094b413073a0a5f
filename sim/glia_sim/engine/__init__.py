"""One vLLM replica and the fleet's event loop."""

"""The inference core behind other people's servers: thin adapters."""

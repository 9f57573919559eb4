"""Thin adapters that put the inference core behind other people's servers."""

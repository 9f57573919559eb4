"""Checks of the installation and of bundles."""

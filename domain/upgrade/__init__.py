"""Versioned upgrades: what a release changes, and how one environment goes from a version to the next."""

"""The rules of upgrades."""

"""Backups: what they hold, what proves them, how long they are kept."""

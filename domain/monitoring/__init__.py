"""Watching the environments: verdicts, damping, causes and availability. Pure rules; thresholds are the catalog's."""

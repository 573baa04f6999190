"""Prefect as hundreds of prefeituras need it: its parts apart and more than once, on PostgreSQL and Redis."""

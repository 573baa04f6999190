"""Upgrade campaigns: who goes when and why, when the next wave may begin, and what is known after each event."""

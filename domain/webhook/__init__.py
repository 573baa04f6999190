"""Incoming webhooks: what each source may say, and which deployment each one starts."""

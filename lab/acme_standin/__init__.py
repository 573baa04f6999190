"""A stand-in for an ACME authority (RFC 8555): real signatures, nonces and validation, made-up trust.

Tests start it; `lab up` does not, because the lab has an authority of its own.
"""

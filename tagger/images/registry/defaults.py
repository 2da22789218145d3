"""How registries are asked where no setting says it."""

__all__ = ["JOBS", "RETRIES", "TIMEOUT"]

JOBS = 8
"""Requests in flight for each registry."""

TIMEOUT = 30.0
"""Seconds to wait for a connection, and for each piece of an answer."""

RETRIES = 4
"""How often a request that may be repeated is."""

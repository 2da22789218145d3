"""How registries are asked where no setting says it."""

__all__ = ["JOBS", "MOST_JOBS", "RETRIES", "TIMEOUT"]

JOBS = 8
"""Requests in flight for each registry, to begin with."""

MOST_JOBS = 64
"""Requests in flight to a registry that takes them, where nobody sets `jobs`: for a hundred repositories at once."""

TIMEOUT = 30.0
"""Seconds to wait for a connection, and for each piece of an answer."""

RETRIES = 4
"""How often a request that may be repeated is."""

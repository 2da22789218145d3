"""The defaults of `jobs`, `timeout` and `retries`."""

__all__ = ["JOBS", "MOST_JOBS", "RETRIES", "TIMEOUT"]

JOBS = 8
"""Requests at the same time for each registry, at first."""

MOST_JOBS = 64
"""The most requests at the same time for a registry that accepts them, where `jobs` is not set."""

TIMEOUT = 30.0
"""Seconds to wait for a connection, and for each piece of an answer."""

RETRIES = 4
"""How often a request that may be repeated is sent again."""

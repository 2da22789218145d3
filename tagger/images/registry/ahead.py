"""Connections that are opened before they are needed, while a token is fetched or the first request runs."""

import threading
from collections.abc import Callable

__all__ = ["ConnectionsAhead"]


class ConnectionsAhead:
    """The connections to a registry, at most `jobs`. `open_one` opens one, or returns False where it may not yet."""

    def __init__(self, jobs: int, open_one: Callable[[], bool]) -> None:
        self._open_one = open_one
        self._left = threading.Semaphore(jobs)
        self._unclaimed = threading.Semaphore(0)  # connections of greetings that no request has claimed

    def add_greeting(self) -> None:
        """Count the connection of a greeting, which the first request uses."""
        self._unclaimed.release()

    def claim(self) -> None:
        """Make sure that there is one more connection: that of the greeting, or a new one."""
        if not self._unclaimed.acquire(blocking=False):
            self.open()

    def open(self) -> None:
        """Open one more connection, if fewer than `jobs` are open."""
        if self._left.acquire(blocking=False) and not self._open_one():
            self._left.release()

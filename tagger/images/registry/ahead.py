"""Connections opened before they are needed, while a token is fetched or the first request runs."""

import threading
from collections.abc import Callable

__all__ = ["ConnectionsAhead"]


class ConnectionsAhead:
    """The `jobs` connections to a registry that can be in use at once.

    `open_one` opens one, or returns False where it may not yet.
    """

    def __init__(self, jobs: int, open_one: Callable[[], bool]) -> None:
        self._open_one = open_one
        self._left = threading.Semaphore(jobs)
        self._unclaimed = threading.Semaphore(0)  # connections that the greeting opens, and nobody waits for

    def greeted(self) -> None:
        """Count the connection of a greeting, which the first request finds."""
        self._unclaimed.release()

    def claim(self) -> None:
        """See that one more connection is there: the greeting's, or a new one."""
        if not self._unclaimed.acquire(blocking=False):
            self.open()

    def open(self) -> None:
        """Open one more connection, if all `jobs` are not open yet."""
        if self._left.acquire(blocking=False) and not self._open_one():
            self._left.release()

"""Connections that are opened before they are needed, while a token is fetched or the first request runs."""

import threading
from collections.abc import Callable
from contextlib import suppress

from tagger.errors import TaggerError

__all__ = ["ConnectionsAhead"]


class ConnectionsAhead:
    """The connections to a registry, at most `jobs`. `open_one` opens one, or returns False where it may not yet."""

    def __init__(self, jobs: int, open_one: Callable[[], bool]) -> None:
        self._open_one = open_one
        self._left = threading.Semaphore(jobs)
        self._unclaimed = threading.Semaphore(0)  # connections that were opened ahead and no request has claimed

    def add_greeting(self) -> None:
        """Count the connection of a greeting, which the first request uses."""
        self._unclaimed.release()

    def begin(self, count: int) -> None:
        """Begin to open `count` connections in other threads, for requests that are still to come."""
        for _ in range(count):
            self._unclaimed.release()
            threading.Thread(target=self._open_unclaimed, daemon=True).start()

    def _open_unclaimed(self) -> None:
        with suppress(TaggerError):  # the first request reports it
            if self.open():
                return
        self._unclaimed.acquire(blocking=False)  # the request that would claim it opens one itself

    def claim(self) -> None:
        """Make sure that there is one more connection: one that no request has claimed, or a new one."""
        if not self._unclaimed.acquire(blocking=False):
            self.open()

    def open(self) -> bool:
        """Open one more connection, if fewer than `jobs` are open; return whether it was tried."""
        if not self._left.acquire(blocking=False):
            return False
        tried = self._open_one()
        if not tried:
            self._left.release()
        return tried

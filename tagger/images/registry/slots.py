"""How many requests are in flight: as many as are allowed, and as many as the registry takes."""

import threading

__all__ = ["Slots"]


class Slots:
    """Places for requests in flight, `most` at once. Use it in a `with` block around each request.

    Once the registry throttles there are half as many; each answer after that gives a little back, one more after a
    whole round (additive increase, multiplicative decrease; RFC 5681, section 3.1).
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._used = 0
        self._cuts = 0
        self._free = threading.Condition()

    @property
    def limit(self) -> int:
        """How many may be in flight now."""
        return int(self._limit)

    def __enter__(self) -> int:
        """Wait for a place; return what `answered` wants to know of this request: how often there were cuts before."""
        with self._free:
            while self._used >= int(self._limit):
                self._free.wait()
            self._used += 1
            return self._cuts

    def __exit__(self, *_: object) -> None:
        with self._free:
            self._used -= 1
            if self._used < int(self._limit):
                self._free.notify()

    def answered(self, begun: int, *, throttled: bool) -> None:
        """Take in how the registry answered a request. Refusals of what was in flight together count once."""
        if not throttled and self._limit >= self._most:
            return
        with self._free:
            if not throttled:
                self._limit = min(float(self._most), self._limit + 1 / self._limit)
                self._free.notify()
            elif begun == self._cuts:
                self._limit = max(1.0, self._limit / 2)
                self._cuts += 1

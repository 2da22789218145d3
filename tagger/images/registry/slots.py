"""How many requests are in flight: as many as are allowed, and as many as the registry takes."""

import threading

__all__ = ["Slots"]


class Slots:
    """Places for requests in flight, `first` at once to begin with. Use it in a `with` block around each request.

    Each answer makes one more place, up to `most`. Once the registry throttles there are half as many; each answer
    after that gives a little back, one more after a whole round (slow start, then additive increase and multiplicative
    decrease; RFC 5681, section 3.1).
    """

    def __init__(self, first: int, most: int | None = None) -> None:
        self.most = first if most is None else most
        self._limit = float(first)
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
        if not throttled and self._limit >= self.most:
            return
        with self._free:
            if not throttled:
                more = 1 / self._limit if self._cuts else 1.0
                self._limit = min(float(self.most), self._limit + more)
                self._free.notify()
            elif begun == self._cuts:
                self._limit = max(1.0, self._limit / 2)
                self._cuts += 1

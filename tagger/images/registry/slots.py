"""Limits how many requests run at the same time, and adapts the limit to the registry."""

import threading

__all__ = ["Slots"]


class Slots:
    """The requests that may run at the same time, at first `first`. Use it in a `with` block around each request.

    Each answer raises the limit by one, up to `most`. When the registry throttles, the limit is halved; after that it
    grows by one in each round of answers (slow start, then additive increase and multiplicative decrease; RFC 5681,
    section 3.1).
    """

    def __init__(self, first: int, most: int | None = None) -> None:
        self.most = first if most is None else most
        self._limit = float(first)
        self._used = 0
        self._cuts = 0
        self._free = threading.Condition()

    @property
    def limit(self) -> int:
        """How many requests may run now."""
        return int(self._limit)

    def __enter__(self) -> int:
        """Wait until a request may run; return how often the limit was halved before, which `record_answer` needs."""
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

    def record_answer(self, begun: int, *, throttled: bool) -> None:
        """Adapt the limit to an answer. Throttled answers to requests that ran at the same time count once."""
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

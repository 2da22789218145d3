"""Answers in bounded time: a least throughput, and no more than a few interim answers."""

import http.client
import io
import socket
import time
from typing import Any

__all__ = ["BoundedResponse"]

LEAST = 1000  # bytes in a second, on average over a window: git's http.lowSpeedLimit
WINDOW = 30.0  # seconds: git's http.lowSpeedTime
MOST_INTERIM = 8  # answers 1xx before the one that counts (RFC 9110, section 15.2)


class _Paced(io.RawIOBase):
    """What comes in over a socket; an error where it comes so slowly that it would not end."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._since: float | None = None
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size: int = self._raw.readinto(buffer) or 0
        now = time.monotonic()
        if self._since is None:
            self._since = now
        self._count += size
        if now - self._since > WINDOW:
            if self._count < LEAST * WINDOW:
                raise TimeoutError(f"fewer than {LEAST} bytes in a second came")
            self._since, self._count = now, 0
        return size

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class BoundedResponse(http.client.HTTPResponse):
    """A response that cannot keep a run going for ever."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_Paced(self.fp.detach()))
        self._interim = 0

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]  # typeshed leaves it out
        if status == http.client.CONTINUE:
            self._interim += 1
            if self._interim > MOST_INTERIM:
                raise http.client.BadStatusLine("interim answers without end")
        return version, status, reason

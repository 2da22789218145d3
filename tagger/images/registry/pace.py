"""Limits on how slowly an answer may come, and on how many lines without content it may have."""

import http.client
import io
import socket
import time
from typing import Any

__all__ = ["BoundedResponse"]

LEAST = 1000  # bytes in a second, on average over a window: git's http.lowSpeedLimit
WINDOW = 30.0  # seconds, or the time to wait for a piece of an answer if that is less: git's http.lowSpeedTime
MOST_INTERIM = 8  # answers 1xx before the one that counts (RFC 9110, section 15.2)
MOST_LINES = 1000  # in a row without content: headers are 100 at most, trailers are a few
MOST_CHUNKS = 50_000  # that are tiny; of larger ones there may be as many as there is content
TINY = 64  # bytes


class _Paced(io.RawIOBase):
    """What comes in over a socket; an error where it comes so slowly that it would not end.

    Only the time that is spent waiting counts, and not that for the first bytes, which have a limit of their own.
    """

    def __init__(self, raw: Any, window: float) -> None:
        self._raw = raw
        self._window = window
        self._begun = False
        self._waited = 0.0
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        before = time.monotonic()
        size: int = self._raw.readinto(buffer) or 0
        if not self._begun:
            self._begun = True
            return size
        self._waited += time.monotonic() - before
        self._count += size
        if self._waited > self._window:
            if self._count < LEAST * self._waited:
                raise TimeoutError(f"fewer than {LEAST} bytes in a second came")
            self._waited, self._count = 0.0, 0
        return size

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Lines(io.BufferedReader):
    """What is read by lines and by pieces; an error where lines follow each other without end."""

    _in_a_row = 0
    _lines = 0
    _content = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        self._in_a_row += 1
        self._lines += 1
        if self._in_a_row > MOST_LINES or self._lines > MOST_CHUNKS + self._content // TINY:
            raise http.client.BadStatusLine("lines without end")
        return super().readline(size)

    def read(self, size: int | None = -1, /) -> bytes:
        self._in_a_row = 0
        content = super().read(size)
        self._content += len(content)
        return content


class BoundedResponse(http.client.HTTPResponse):
    """A response that cannot keep a run going for ever."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        window = min(WINDOW, sock.gettimeout() or WINDOW)
        self.fp = _Lines(_Paced(self.fp.detach(), window))
        self._interim = 0

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]  # typeshed leaves it out
        if status == http.client.CONTINUE:
            self._interim += 1
            if self._interim > MOST_INTERIM:
                raise http.client.BadStatusLine("interim answers without end")
        return version, status, reason

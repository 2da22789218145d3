"""Limits for answers that are too slow, or that have too many lines without content."""

import io
import socket
import time
from typing import Any

from tagger.images.registry.faults import Broken

__all__ = ["MOST_INTERIM", "Incoming"]

LEAST = 1000  # bytes in a second, on average over a window, as git's http.lowSpeedLimit
WINDOW = 30.0  # seconds, or `timeout` if that is less, as git's http.lowSpeedTime
MOST_INTERIM = 8  # answers 1xx before the one that counts (RFC 9110, section 15.2)
MOST_LINES = 1000  # in a row without content; there are at most 100 headers, and a few trailers
MOST_CHUNKS = 50_000  # tiny ones; larger chunks are not limited
TINY = 64  # bytes
LONGEST_LINE = 64 * 1024  # bytes


class _Paced(io.RawIOBase):
    """The bytes from a socket; raises an error where they come too slowly.

    Only the time spent waiting counts, and not the wait for the first bytes, which has a limit of its own.
    """

    def __init__(self, raw: Any, window: float) -> None:
        self._raw = raw
        self._window = window
        self._begun = False
        self._waited = 0.0
        self._count = 0
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.ended:
            return 0
        before = time.monotonic()
        size: int = self._raw.readinto(buffer) or 0
        if not self._begun:
            self._begun = True
            return size
        self._waited += time.monotonic() - before
        self._count += size
        if self._waited > self._window:
            if self._count < LEAST * self._waited:
                raise TimeoutError(f"fewer than {LEAST} bytes in a second arrived")
            self._waited, self._count = 0.0, 0
        return size

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class Incoming(io.BufferedReader):
    """What comes in over a socket, by lines and by pieces; an error where it would keep a run going for ever."""

    _in_a_row = 0
    _lines = 0
    _content = 0

    def __init__(self, sock: socket.socket, size: int) -> None:
        window = min(WINDOW, sock.gettimeout() or WINDOW)
        self._paced = _Paced(sock.makefile("rb", 0), window)
        super().__init__(self._paced, size)

    def line(self) -> bytes:
        """Return a line without its end. Raise `Broken` at the end of all, and where a line has no end."""
        self._in_a_row += 1
        self._lines += 1
        if self._in_a_row > MOST_LINES or self._lines > MOST_CHUNKS + self._content // TINY:
            raise Broken("lines without end")
        line = self.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise Broken("a line without end" if len(line) == LONGEST_LINE else "the end within a line")
        return line.rstrip(b"\r\n")

    def piece(self, size: int) -> bytes:
        """Return so many bytes; fewer at the end."""
        self._in_a_row = 0
        content = self.read(size)
        self._content += len(content)
        return content

    def ends(self) -> bool:
        """Read no more, and say whether all that came was taken: what is left would be taken for the next answer."""
        self._paced.ended = True
        return not self.peek(1)

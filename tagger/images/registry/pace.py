"""Reads from a socket, with a limit on how slowly the data may come."""

import socket
import time

__all__ = ["Incoming"]

LEAST = 1000  # bytes in a second, on average over a window: git's http.lowSpeedLimit
WINDOW = 30.0  # seconds, or the time to wait for a piece of an answer if that is less: git's http.lowSpeedTime


class Incoming:
    """The data that comes in over a socket. Fewer than `LEAST` bytes in a second over a window are an error.

    Only the time that is spent waiting counts, without the wait for the first bytes, which the socket's timeout limits.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._window = min(WINDOW, sock.gettimeout() or WINDOW)
        self._begun = False
        self._waited = 0.0
        self._count = 0

    def piece(self, most: int) -> bytes:
        """Return the next bytes, `most` at most; empty at the end. Raise `OSError`."""
        before = time.monotonic()
        piece = self._sock.recv(most)
        if not self._begun:
            self._begun = True
            return piece
        self._waited += time.monotonic() - before
        self._count += len(piece)
        if self._waited > self._window:
            if self._count < LEAST * self._waited:
                raise TimeoutError(f"fewer than {LEAST} bytes in a second came")
            self._waited, self._count = 0.0, 0
        return piece

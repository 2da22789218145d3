"""A server that sends exactly the bytes that a test gives, at the pace that it sets."""

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

from tests.servers.listening import Listening

__all__ = ["RawServer"]


class RawServer(Listening):
    """A server on a free loopback port; `answer` returns the pieces that are sent after each request's headers."""

    def __init__(self, answer: Callable[[], Iterable[bytes]]) -> None:
        super().__init__()
        self._answer = answer
        self.heads: list[bytes] = []

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
                if received[:1] == b"\x16":  # a TLS greeting
                    return
                if b"\r\n\r\n" not in received:
                    continue
                self.heads.append(received)
                received = b""
                for piece in self._answer():
                    if self.stopped.is_set():
                        return
                    connection.sendall(piece)

"""A server that sends exactly the bytes that a test gives, at the pace that it sets."""

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

__all__ = ["RawServer"]


class RawServer:
    """A server on a free loopback port; `answer` returns the pieces that are sent after each request's headers."""

    def __init__(self, answer: Callable[[], Iterable[bytes]]) -> None:
        self._answer = answer
        self.accepted = 0
        self.heads: list[bytes] = []
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
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
                    if self._stopped.is_set():
                        return
                    connection.sendall(piece)

"""A proxy that connects every tunnel to one port of this machine, whatever host is requested (RFC 9110, CONNECT)."""

import select
import socket
import ssl
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

__all__ = ["Tunnels"]


class Tunnels:
    """A proxy for HTTPS on a free loopback port, itself over TLS where `tls` is given.

    `asked` has the lines of each request, `login` is the `Proxy-Authorization` that it needs, or empty.
    """

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None, login: str = "") -> None:
        self.asked: list[list[str]] = []
        self._target, self._tls, self._login = port, tls, login
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError), self._tls.wrap_socket(plain, server_side=True) if self._tls else plain as client:
            client.settimeout(10)
            received = b""
            while not received.endswith(b"\r\n\r\n"):
                chunk = client.recv(1)
                if not chunk:
                    return
                received += chunk
            lines = received.decode().strip().split("\r\n")
            self.asked.append(lines)
            if self._login and f"Proxy-Authorization: {self._login}" not in lines:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(client, server)


def _relay(client: socket.socket, server: socket.socket) -> None:
    """Copy bytes both ways until one side ends. One thread does it, as two must not share a TLS connection."""
    while True:
        waiting = isinstance(client, ssl.SSLSocket) and client.pending()
        for source in [client] if waiting else select.select([client, server], [], [], 10)[0]:
            chunk = source.recv(65536)
            if not chunk:
                return
            (server if source is client else client).sendall(chunk)

"""A proxy that connects every tunnel to one port of this machine, whatever host is requested (RFC 9110, CONNECT)."""

import select
import socket
import ssl
from contextlib import suppress

from tests.servers.listening import Listening

__all__ = ["Tunnels"]


class Tunnels(Listening):
    """A proxy for HTTPS on a free loopback port, itself over TLS where `tls` is given.

    `asked` has the lines of each request, `login` is the `Proxy-Authorization` that it needs, or empty.
    """

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None, login: str = "") -> None:
        super().__init__()
        self.asked: list[list[str]] = []
        self._target, self._tls, self._login = port, tls, login

    def serve(self, plain: socket.socket) -> None:
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

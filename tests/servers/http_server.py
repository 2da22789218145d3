"""The base of the HTTP servers of the tests: real sockets, connections kept alive, or broken on demand."""

import socket
import ssl
import struct
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

__all__ = ["Exchange", "HttpServer", "Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, headers (several of one name are allowed) and body."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


class HttpServer:
    """A server of the tests: HTTP/1.1 with connections kept alive, each in its own thread, on a free loopback port."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.open_connections: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", 0), Exchange)
        self._server.owner = self
        self._server.tls = tls
        self.lock = threading.RLock()
        self.connections = 0
        self.port = self._server.server_port
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"

    def answer(self, handler: "Exchange") -> None:
        """Answer one request."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.disconnect()

    def disconnect(self) -> None:
        """Close the connections that clients keep."""
        with self.lock:
            for connection in self.open_connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    owner: HttpServer
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, in its own thread; the TLS handshake is made there too."""
        connection = request
        if self.tls:
            try:
                connection = self.tls.wrap_socket(request, server_side=True)
            except OSError:
                return
        with self.owner.lock:
            self.owner.open_connections.add(connection)
            self.owner.connections += 1
        try:
            super().finish_request(connection, client_address)
        finally:
            with self.owner.lock:
                self.owner.open_connections.discard(connection)
            with suppress(OSError):
                connection.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not report clients that disconnect."""


class Exchange(BaseHTTPRequestHandler):
    """One connection: its requests and the answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def handle(self) -> None:
        """Serve one connection; a TLS greeting to a server without TLS is answered in HTTP, as real servers do."""
        if self.server.tls is None and self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            self.connection.recv(65536)
            self.connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            return
        super().handle()

    def body(self) -> bytes:
        """Read the body of the request."""
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, reply: Reply, *, half: bool = False) -> None:
        """Send an answer, or its first half."""
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: len(reply.body) // 2] if half else reply.body)
        self.wfile.flush()
        self.close_connection = self.close_connection or half

    def reset(self) -> None:
        """Reset the connection."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RD)
        self.connection.close()

    def wait_for_client(self) -> None:
        """Send nothing until the client disconnects."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.recv(1)

    def _serve(self) -> None:
        self.server.owner.answer(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing."""

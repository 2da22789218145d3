"""A relay in front of a registry that resets one connection in the middle of a response."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.line import FAR

__all__ = ["Relay", "relay"]

CHUNK = 1 << 18
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: unsent data is dropped, and the other end gets a reset


class Relay:
    """A relay at `host`; `passed` are the bytes that clients were sent through it."""

    def __init__(self, upstream: str) -> None:
        address, _, port = upstream.rpartition(":")
        self._upstream = (address, int(port))
        self._listener = socket.create_server((FAR, 0))
        self._lock = threading.Lock()
        self._after: int | None = None
        self.host = f"{FAR}:{self._listener.getsockname()[1]}"
        self.passed = 0

    def cut_after(self, size: int) -> None:
        """Reset the first connection over which `size` bytes come from now on, and no other; start counting at 0."""
        with self._lock:
            self._after, self.passed = size, 0

    def serve(self) -> None:
        """Accept connections until it is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._upstream)
                for work in (self._ask, self._answer):
                    threading.Thread(target=work, args=(client, server), daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while part := client.recv(CHUNK):
                server.sendall(part)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while part := server.recv(CHUNK):
                client.sendall(part)
                passed += len(part)
                if self._is_over(passed, len(part)):
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    break
        with suppress(OSError):
            client.shutdown(socket.SHUT_RD)  # the other thread may be waiting for it
        client.close()
        server.close()

    def _is_over(self, passed: int, more: int) -> bool:
        with self._lock:
            self.passed += more
            if self._after is None or passed < self._after:
                return False
            self._after = None
            return True


@contextmanager
def relay(upstream: str) -> Iterator[Relay]:
    """Run a relay in front of a registry on the servers' side."""
    running = Relay(upstream)
    threading.Thread(target=running.serve, daemon=True).start()
    try:
        yield running
    finally:
        running.close()

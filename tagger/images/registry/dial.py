"""Connections that are opened before the modules that speak over them are imported."""

import socket
import threading
from contextlib import suppress

from tagger.errors import InputError
from tagger.images.registry.sockets import open_socket

TYPE_CHECKING = False  # `typing` takes 2 ms, and connections begin before it is imported
if TYPE_CHECKING:
    from tagger.images.registry.lazy_tls import Tls

__all__ = ["Dial"]


class Dial:
    """A connection under way, begun beside this thread: TCP, and TLS over it where `tls` gives a context for it.

    `begun` is one to the same place, with the same `tls` or none, that goes on as this one.
    """

    def __init__(
        self,
        place: tuple[str, int],
        timeout: float,
        tls: "Tls | None" = None,
        begun: "Dial | None" = None,
    ) -> None:
        self.place, self.tls = place, tls
        self._timeout, self._begun = timeout, begun
        self._socket: socket.socket | None = None
        self._given_up = False
        self._thread = threading.Thread(target=self._connect, daemon=True)
        self._thread.start()

    def take(self, within: float | None = None) -> socket.socket | None:
        """Return the connection once it is made, or None where it failed; a second try gives the error.

        One that is not made `within` so many seconds is given up.
        """
        self._thread.join(within)
        if self._thread.is_alive():
            self.close()
            return None
        return self._socket

    def close(self) -> None:
        """Close a connection that was not taken."""
        self._given_up = True
        if self._socket:
            self._socket.close()

    def _connect(self) -> None:
        with suppress(OSError, InputError):
            found = self._begun and self._begun.take(self._timeout)
            begun_tls = self._begun.tls if found and self._begun else None
            found = found or open_socket(self.place, self._timeout)
            try:
                found.settimeout(self._timeout)
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self.tls and not begun_tls:
                    # A name in bytes needs no IDNA, whose tables take a millisecond: those of registries are ASCII.
                    name = self.place[0].rstrip(".").encode()
                    found = self.tls().wrap_socket(found, server_hostname=name)
            except BaseException:
                found.close()
                raise
            self._socket = found
            if self._given_up:
                found.close()

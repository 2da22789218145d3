"""Connections to servers: begun ahead, idle in a pool, over TLS or not."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from tagger.images.registry.addresses import Dial
from tagger.images.registry.pace import BoundedResponse

__all__ = ["PlainConnection", "SecureConnection"]


class PlainConnection(HTTPConnection):
    """A connection that may have been begun already."""

    response_class = BoundedResponse
    dial: Dial | None = None
    check: Callable[[str], None] | None = None
    """Called with the address that was connected to; raises where it may not be used."""
    ended: Callable[[], bool] | None = None
    """Says whether all connections were ended: one that was being made then is not among those that were closed."""

    def _new_conn(self) -> socket.socket:
        begun, self.dial = self.dial, None
        made = (begun and begun.take()) or super()._new_conn()
        try:
            self._check(made)
        except BaseException:
            made.close()
            raise
        return made

    def request(self, *arguments: Any, **options: Any) -> None:
        """Send a request, also over a connection that somebody else had before."""
        if self.sock is not None:
            self._check(self.sock)
        else:
            self.connect()
        if self.ended and self.ended() and self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
        super().request(*arguments, **options)

    def _check(self, sock: socket.socket) -> None:
        if self.check:
            with suppress(OSError):  # it is closed, which the request finds
                self.check(str(sock.getpeername()[0]))


class SecureConnection(PlainConnection, HTTPSConnection):
    """A connection over TLS that may wait in the pool before its first request."""

    def connect(self) -> None:
        """Connect; an end that the folder of authorities does not vouch for may still be vouched for by their file."""
        begun, self.dial = self.dial, None
        if begun and (made := begun.take()):
            try:
                self._check(made)
            except BaseException:
                made.close()
                raise
            self.sock, self.is_verified = made, True
            return
        try:
            super().connect()
        except ssl.SSLCertVerificationError:
            self.close()
            assert self.ssl_context  # noqa: S101 - the pool's
            self.ssl_context.load_default_certs()
            super().connect()

    @property
    def is_connected(self) -> bool:
        """Say whether it can still be used: an idle one with bytes to read was closed, or got TLS 1.3 tickets."""
        return super().is_connected or self._only_tickets()

    def _only_tickets(self) -> bool:
        sock: Any = self.sock
        if not isinstance(sock, ssl.SSLSocket):
            return False
        timeout = sock.gettimeout()
        try:
            sock.settimeout(0)
            sock.read(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        finally:
            sock.settimeout(timeout)
        return False  # it was closed, or says what nobody asked for

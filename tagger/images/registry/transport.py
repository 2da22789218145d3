"""One request and its response: connections kept alive, TLS, proxies."""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit
from weakref import WeakSet

from urllib3 import HTTPSConnectionPool, PoolManager, ProxyManager, Timeout, make_headers
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProxyError,
    SSLError,
)
from urllib3.response import BaseHTTPResponse

from tagger import __version__
from tagger.images.registry.addresses import Dial, Origin
from tagger.images.registry.answers import ConnectionFailed
from tagger.images.registry.connections import PlainConnection, SecureConnection
from tagger.images.registry.defaults import JOBS, TIMEOUT
from tagger.images.registry.guard import Unsendable, check_address
from tagger.images.registry.proxies import proxy_for
from tagger.images.registry.tls import NO_TLS, NOT_TRUSTED, speaks_tls, tls_once

__all__ = ["CHUNK", "Response", "TooLarge", "Transport"]

CHUNK = 64 * 1024  # bytes read from a connection, and sent, at once
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
UNREAD = 4 * 1024  # bytes of a body that nobody wants


class TooLarge(Exception):
    """An answer has more bytes than it may have."""


class Response:
    """A response whose body is unread. `origin` is who answers."""

    def __init__(self, raw: BaseHTTPResponse, origin: Origin) -> None:
        self._raw = raw
        self.origin = origin
        self.status = raw.status
        self.headers = raw.headers

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes as they were sent; none at the end. Raise `ConnectionFailed`."""
        try:
            return self._raw.read(size, decode_content=False)
        except HTTPError as error:
            self._raw.close()
            raise _failed(self.origin, error) from error

    def read_whole(self, most: int) -> bytes:
        """Return the body, decoded, and give the connection back. Raise `ConnectionFailed`, `TooLarge`."""
        body = bytearray()
        try:
            for chunk in self._raw.stream(CHUNK, decode_content=True):
                body += chunk
                if len(body) > most:
                    raise TooLarge
        except HTTPError as error:
            self._raw.close()
            raise _failed(self.origin, error) from error
        except BaseException:
            self._raw.close()  # what is unread would be taken for the next answer
            raise
        self._raw.release_conn()
        return bytes(body)

    def discard(self) -> None:
        """Give the connection back; nobody reads the body, so a long one costs the connection and no time."""
        try:
            rest = self._raw.read(UNREAD, decode_content=False)
        except HTTPError:
            rest = bytes(UNREAD)
        if len(rest) < UNREAD:
            self._raw.release_conn()
        else:
            self._raw.close()

    def close(self) -> None:
        """Give the connection back if all was read, else close it."""
        if self._raw.closed:
            self._raw.release_conn()
        else:
            self._raw.close()


class Transport:
    """The connections of one run, kept alive and shared by all registries.

    `timeout` is seconds to wait for a connection, and for each piece of an answer. `ca_file` holds certificate
    authorities that are trusted besides the system's. `dials` are connections under way, and `tls` makes the context
    that they have, where there are any.
    """

    def __init__(
        self,
        *,
        ca_file: str = "",
        timeout: float = TIMEOUT,
        connections: int = 4 * JOBS,
        dials: Iterable[Dial] = (),
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._timeout = timeout
        self._connections = connections
        self._dials = list(dials)
        self._managers: dict[tuple[str, str], PoolManager] = {}
        self._proxies: dict[Origin, str] = {}
        self._live: WeakSet[Any] = WeakSet()
        self._addresses: dict[tuple[str, int], set[str]] = {}
        self._led_by: dict[tuple[str, int], tuple[str, int]] = {}
        # A file that cannot be used is said before anything is done.
        self._tls = tls or tls_once(ca_file)
        if ca_file:
            self._tls()
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def open(self, method: str, url: str, headers: Mapping[str, str], body: bytes | BinaryIO | None = None) -> Response:
        """Send one request, once, and return the response with its body unread. Raise `ConnectionFailed`.

        Nothing is repeated, and no redirect is followed.
        """
        origin = Origin.of(url)
        if name := self._header_problem(headers):  # its value may be a secret, and is not repeated
            error = Unsendable(f"the header {name} cannot be sent: it has characters that no header has")
            raise ConnectionFailed(origin.netloc, error, sent=False, lasting=True)
        try:
            return Response(self._send(method, url, headers, body), origin)
        except HTTPError as error:
            raise _failed(origin, error) from error

    def own(self, place: tuple[str, int]) -> None:
        """Keep where a registry is: host and port. What it leads to is compared with the address that is connected."""
        with self._lock:
            self._addresses.setdefault(place, set())

    def led(self, place: tuple[str, int], by: tuple[str, int]) -> None:
        """Keep that a registry named a host: what that leads to is checked before it is used."""
        with self._lock:
            if place not in self._addresses:
                self._led_by[place] = by

    def _check(self, place: tuple[str, int], address: str) -> None:
        with self._lock:
            if place in self._addresses:
                self._addresses[place].add(address)
            by = self._led_by.get(place)
            own = set(self._addresses.get(by, ())) if by else set()
        if by:
            check_address(place[0], address, own)

    def warm(self, url: str) -> None:
        """Open one more connection, which a request will find. What fails here fails there too, and is said there."""
        manager = self._manager(url)
        if isinstance(manager, ProxyManager):
            return
        pool = manager.connection_from_url(url)
        connections = [pool._get_conn()]  # urllib3 has no public way to open a connection without a request
        while connections[-1].is_connected and len(connections) < self._connections:
            connections.append(pool._get_conn())
        try:
            connections[-1].timeout = self._timeout
            connections[-1].connect()
        except (HTTPError, OSError):
            connections[-1].close()
        finally:
            for connection in connections:
                pool._put_conn(connection)

    def speaks_tls(self, host: str, port: int, unheard: bool) -> bool:
        """Greet a server in TLS and say whether it answers in TLS; nothing is sent. `unheard` where nobody listens."""
        return speaks_tls(host, port, unheard, self._timeout)

    def close(self) -> None:
        """Close every connection; a request in flight ends in an error at once, so that nobody waits for it."""
        self._ended.set()
        with self._lock:
            for begun in self._dials:
                begun.close()
            live = list(self._live)
            for manager in self._managers.values():
                manager.clear()
        for connection in live:
            with suppress(OSError):
                if connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _header_problem(self, headers: Mapping[str, str]) -> str:
        """Return the name of a header whose value cannot be sent; empty where all can (RFC 9110, section 5.5)."""
        return next((name for name, value in headers.items() if not HEADER_VALUE.fullmatch(value)), "")

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | BinaryIO | None
    ) -> BaseHTTPResponse:
        return self._manager(url).urlopen(
            method,
            url,
            headers={"User-Agent": f"tagger/{__version__}", **headers},
            body=body,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            timeout=Timeout(connect=self._timeout, read=self._timeout),
        )

    def _manager(self, url: str) -> PoolManager:
        origin = Origin.of(url)
        with self._lock:
            proxy = self._proxies.get(origin)
            if proxy is None:
                proxy = self._proxies[origin] = proxy_for(origin)
            key = (origin.scheme, proxy)
            if key not in self._managers:
                self._managers[key] = self._make_manager(origin.scheme, proxy)
            return self._managers[key]

    def _make_manager(self, scheme: str, proxy: str) -> PoolManager:
        settings: dict[str, Any] = {"num_pools": 256, "maxsize": self._connections, "blocksize": CHUNK}
        if scheme == "https":
            settings["ssl_context"] = self._tls()
        if proxy:
            parts = urlsplit(proxy)
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
            settings["proxy_headers"] = make_headers(proxy_basic_auth=login)
        manager = ProxyManager(proxy, **settings) if proxy else PoolManager(**settings)
        manager.pool_classes_by_scheme = self._pools()
        return manager

    def _pools(self) -> dict[str, type[HTTPConnectionPool]]:
        """Return pools whose connections are known here, and are those that are under way as long as there are any."""

        def known(connection: Any, *, secure: bool) -> Any:
            with self._lock:
                self._live.add(connection)
                place = connection.host, connection.port
                connection.check = partial(self._check, place)
                connection.ended = self._ended.is_set
                mine = (begun for begun in self._dials if begun.place == place and begun.is_secure == secure)
                connection.dial = next(mine, None)
                if connection.dial:
                    self._dials.remove(connection.dial)
            return connection

        class Plain(HTTPConnectionPool):
            ConnectionCls = PlainConnection

            def _new_conn(self) -> Any:
                return known(super()._new_conn(), secure=False)

        class Secure(HTTPSConnectionPool):
            ConnectionCls = SecureConnection

            def _new_conn(self) -> Any:
                return known(super()._new_conn(), secure=True)

        return {"http": Plain, "https": Secure}


def _failed(origin: Origin, error: HTTPError) -> ConnectionFailed:
    """Return what the error of a connection means for who sent a request."""
    lasting = isinstance(error, LocationValueError) or (
        isinstance(error, SSLError) and any(sign in str(error) for sign in (NOT_TRUSTED, *NO_TLS))
    )
    unsent = lasting or isinstance(error, (NewConnectionError, ConnectTimeoutError, ProxyError))
    return ConnectionFailed(origin.netloc, error, sent=not unsent, lasting=lasting)

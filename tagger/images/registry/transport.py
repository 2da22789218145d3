"""Connections: pools of them, TLS, proxies; the only module that opens sockets to registries."""

import os
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit
from weakref import WeakSet

from urllib3 import HTTPSConnectionPool, PoolManager, ProxyManager, Timeout, make_headers
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from tagger import __version__
from tagger.errors import InputError
from tagger.images.registry.addresses import PORTS, Dial, is_loopback

__all__ = ["CHUNK", "Origin", "Transport"]

CHUNK = 64 * 1024
PROBE_TIMEOUT = 3.0  # seconds; a loopback server that says nothing to a TLS greeting speaks no TLS


class Origin(NamedTuple):
    """Where a URL leads: scheme, host and port, as browsers compare them."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Return the origin of a URL. Raise `ValueError` when it has none."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError(f"{parts.scheme or 'no'} URL")
        return cls(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme])

    @property
    def netloc(self) -> str:
        """Host and port as a URL has them; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def url(self, target: str) -> str:
        """Return the URL of `target`, a path or a URL of its own."""
        return urljoin(f"{self.scheme}://{self.netloc}/", target)


class _Connection(HTTPConnection):
    """A connection that may have been begun already."""

    dial: Dial | None = None

    def _new_conn(self) -> socket.socket:
        begun, self.dial = self.dial, None
        return (begun and begun.take()) or super()._new_conn()


class _SecureConnection(_Connection, HTTPSConnection):
    """A connection that may wait in the pool before its first request."""

    def connect(self) -> None:
        """Connect; an end that the folder of authorities does not vouch for may still be vouched for by their file."""
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
        sock = self.sock
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


class Transport:
    """The connections of one run, kept alive and shared by all registries.

    `timeout` is seconds to wait for a connection, and for each piece of an answer. `ca_file` holds certificate
    authorities that are trusted besides the system's. `dials` are connections under way.
    """

    def __init__(
        self, *, ca_file: str = "", timeout: float = 30.0, connections: int = 32, dials: Iterable[Dial] = ()
    ) -> None:
        self._ca_file = ca_file
        self._timeout = timeout
        self._connections = connections
        self._dials = list(dials)
        self._managers: dict[tuple[str, str], PoolManager] = {}
        self._proxies: dict[Origin, str] = {}
        self._live: WeakSet[Any] = WeakSet()
        self._tls: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        if ca_file:
            self._tls = self._make_tls()  # a file that cannot be used is said before anything is done

    def open(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | BinaryIO | None = None
    ) -> BaseHTTPResponse:
        """Send one request, once, and return the response with its body unread. Raise urllib3's `HTTPError`.

        Nothing is repeated, and no redirect is followed.
        """
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
        try:
            with socket.create_connection((host, port), self._timeout) as connection:
                connection.settimeout(min(PROBE_TIMEOUT, self._timeout))
                return _answers_tls(connection, host)
        except OSError:
            return unheard

    def close(self) -> None:
        """Close every connection; a request in flight ends in an error at once, so that nobody waits for it."""
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

    def _manager(self, url: str) -> PoolManager:
        origin = Origin.of(url)
        with self._lock:
            proxy = self._proxies.get(origin)
            if proxy is None:
                proxy = self._proxies[origin] = _proxy(origin)
            key = (origin.scheme, proxy)
            if key not in self._managers:
                self._managers[key] = self._make_manager(origin.scheme, proxy)
            return self._managers[key]

    def _make_manager(self, scheme: str, proxy: str) -> PoolManager:
        settings: dict[str, Any] = {"num_pools": 256, "maxsize": self._connections, "blocksize": CHUNK}
        if scheme == "https":
            self._tls = self._tls or self._make_tls()
            settings["ssl_context"] = self._tls
        if proxy:
            parts = urlsplit(proxy)
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
            settings["proxy_headers"] = make_headers(proxy_basic_auth=login)
        manager = ProxyManager(proxy, **settings) if proxy else PoolManager(**settings)
        manager.pool_classes_by_scheme = self._pools()
        return manager

    def _pools(self) -> dict[str, type[HTTPConnectionPool]]:
        """Return pools whose connections are known here, and are those that are under way as long as there are any."""

        def known(connection: Any) -> Any:
            with self._lock:
                self._live.add(connection)
                place = connection.host, connection.port
                connection.dial = next((begun for begun in self._dials if begun.place == place), None)
                if connection.dial:
                    self._dials.remove(connection.dial)
            return connection

        class Plain(HTTPConnectionPool):
            ConnectionCls = _Connection

            def _new_conn(self) -> Any:
                return known(super()._new_conn())

        class Secure(HTTPSConnectionPool):
            ConnectionCls = _SecureConnection

            def _new_conn(self) -> Any:
                return known(super()._new_conn())

        return {"http": Plain, "https": Secure}

    def _make_tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(capath=_hashed_authorities())
        if self._ca_file:
            try:
                context.load_verify_locations(self._ca_file)
            except OSError as error:  # ssl.SSLError is one
                raise InputError(
                    f"`ca-file` {self._ca_file} holds no certificate that can be read",
                    "Give a file with certificates in PEM form (-----BEGIN CERTIFICATE-----).",
                ) from error
        return context


def _hashed_authorities() -> str | None:
    """Return the system's folder of authorities if it is indexed by their names' hashes, else None.

    Of such a folder OpenSSL reads what it needs; reading the file with all of them takes 20 ms.
    """
    folder = ssl.get_default_verify_paths().capath
    if not folder or "SSL_CERT_FILE" in os.environ or not any(Path(folder).glob("[0-9a-f]" * 8 + ".0")):
        return None
    return folder


def _answers_tls(connection: socket.socket, host: str) -> bool:
    """Say whether the other end of a connection speaks TLS: it presents a certificate, which is not trusted here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without authorities: reading them costs 20 ms
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()  # Python's own wrapping leaks the socket of a reset connection
    greeting = context.wrap_bio(received, sent, server_hostname=host)
    try:
        while True:
            try:
                greeting.do_handshake()
                return True
            except ssl.SSLWantReadError:
                connection.sendall(sent.read())
                if answer := connection.recv(CHUNK):
                    received.write(answer)
                else:
                    received.write_eof()
    except ssl.SSLError as error:
        return isinstance(error, ssl.SSLCertVerificationError) or "ALERT" in (error.reason or "")
    except OSError:
        return False


def _proxy(origin: Origin) -> str:
    """Return the proxy for an origin that the environment names, as curl and Go read it; never one for loopback."""
    if not any(name.lower().endswith("_proxy") for name in os.environ) or is_loopback(origin.host):
        return ""
    from urllib.request import getproxies, proxy_bypass  # most runs are behind no proxy

    proxies = getproxies()
    proxy = proxies.get(origin.scheme) or proxies.get("all", "")
    if not proxy or proxy_bypass(f"{origin.host}:{origin.port}"):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"

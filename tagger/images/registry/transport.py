"""The HTTP connections of one run, which all registries share."""

import re
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import BinaryIO
from weakref import WeakSet

from tagger import __version__
from tagger.images.registry.addresses import Origin
from tagger.images.registry.answers import ConnectionFailed
from tagger.images.registry.connections import Connection, Route
from tagger.images.registry.defaults import JOBS, TIMEOUT
from tagger.images.registry.dial import Dial
from tagger.images.registry.faults import Broken, Fault
from tagger.images.registry.guard import Unsendable, check_address
from tagger.images.registry.lazy_tls import Tls
from tagger.images.registry.proxies import proxy_for
from tagger.images.registry.responses import CHUNK, Response, TooLarge
from tagger.images.registry.tls import speaks_tls

__all__ = ["CHUNK", "Response", "TooLarge", "Transport"]

HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
AGENT = {"User-Agent": f"tagger/{__version__}"}


class Transport:
    """The connections of one run, kept open between requests and shared by all registries.

    `timeout` is how many seconds to wait for a connection, and for each part of an answer. `ca_file` has certificate
    authorities in addition to the system's. `connections` is how many idle ones are kept for each origin. `dials` are
    connections that are being opened already, with the TLS context that `tls` returns.
    """

    def __init__(
        self,
        *,
        ca_file: str = "",
        timeout: float = TIMEOUT,
        connections: int = 4 * JOBS,
        dials: Iterable[Dial] = (),
        tls: Tls | None = None,
    ) -> None:
        self._timeout = timeout
        self._most_idle = connections
        self._dials = list(dials)
        self._idle: dict[Route, list[Connection]] = {}
        self._routes: dict[Origin, Route] = {}
        self._live: WeakSet[Connection] = WeakSet()
        self._addresses: dict[tuple[str, int], set[str]] = {}
        self._named_by: dict[tuple[str, int], tuple[str, int]] = {}
        # An unusable file is an error before any request.
        self._tls = tls or Tls(ca_file)
        if ca_file:
            self._tls()
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def open(self, method: str, url: str, headers: Mapping[str, str], body: bytes | BinaryIO | None = None) -> Response:
        """Send a request once, and return the response, whose body is not read yet. Raise `ConnectionFailed`.

        Nothing is repeated, and no redirect is followed.
        """
        origin = Origin.of(url)
        if name := self._header_problem(headers):  # the message does not show its value, which may be a secret
            error = Unsendable(f"the header {name} cannot be sent: it has characters that a header cannot have")
            raise ConnectionFailed(origin.netloc, error, sent=False, lasting=True)
        connection = self._connection(self._route(origin))
        try:
            if connection.sock is None:
                connection.connect()
            connection.check()
            if self._ended.is_set():
                raise Broken("all connections were ended")
            connection.send(method, url, {**AGENT, **headers}, body)
            return Response(connection.receive(method), origin, partial(self._free, connection))
        except Fault as fault:
            connection.close()
            raise ConnectionFailed(origin.netloc, fault, sent=fault.sent, lasting=fault.lasting) from fault
        except BaseException:
            connection.close()
            raise

    def own(self, place: tuple[str, int]) -> None:
        """Remember host and port of a registry. Its IP addresses are compared with those of hosts that it names."""
        with self._lock:
            self._addresses.setdefault(place, set())

    def add_named_host(self, place: tuple[str, int], by: tuple[str, int]) -> None:
        """Remember that the registry `by` named a host, whose IP address is checked before it is used."""
        with self._lock:
            if place not in self._addresses:
                self._named_by[place] = by

    def _check(self, place: tuple[str, int], address: str) -> None:
        with self._lock:
            if place in self._addresses:
                self._addresses[place].add(address)
            by = self._named_by.get(place)
            own = set(self._addresses.get(by, ())) if by else set()
        if by:
            check_address(place[0], address, own)

    def warm(self, url: str) -> None:
        """Open one more connection for a later request. That request reports the error where this fails."""
        route = self._route(Origin.of(url))
        if route.proxy:
            return
        connection = self._new(route)
        try:
            connection.connect()
        except (Fault, OSError):
            connection.close()
        else:
            self._free(connection, True)

    def speaks_tls(self, host: str, port: int, unheard: bool) -> bool:
        """Begin a TLS handshake and return whether the server answers it; `unheard` where no server listens."""
        return speaks_tls(host, port, unheard, self._timeout)

    def close(self) -> None:
        """Close every connection. A running request fails at once, so that nobody waits for it."""
        self._ended.set()
        with self._lock:
            for begun in self._dials:
                begun.close()
            idle = [connection for several in self._idle.values() for connection in several]
            self._idle.clear()
            live = list(self._live)
        for connection in idle:
            connection.close()
        for connection in live:
            connection.end()

    def _header_problem(self, headers: Mapping[str, str]) -> str:
        """Return the name of a header whose value cannot be sent; empty where all can (RFC 9110, section 5.5)."""
        return next((name for name, value in headers.items() if not HEADER_VALUE.fullmatch(value)), "")

    def _route(self, origin: Origin) -> Route:
        """Return how an origin is reached. Raise `InputError` where the environment names an unusable proxy."""
        with self._lock:
            if origin not in self._routes:
                check = partial(self._check, (origin.host, origin.port))
                self._routes[origin] = Route(origin, self._timeout, self._tls, check, proxy_for(origin))
            return self._routes[origin]

    def _connection(self, route: Route) -> Connection:
        """Return an idle connection, else a new one, which is not connected yet."""
        while True:
            with self._lock:
                idle = self._idle.get(route)
                if not idle:
                    break
                connection = idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return self._new(route)

    def _new(self, route: Route) -> Connection:
        """Return a new connection: one of `dials` for this origin, else one that is not connected yet."""
        origin = route.origin
        place, secure = (origin.host, origin.port), origin.scheme == "https"
        with self._lock:
            dial = next((one for one in self._dials if one.place == place and bool(one.tls) == secure), None)
            if dial and not route.proxy:
                self._dials.remove(dial)
            connection = Connection(route, None if route.proxy else dial)
            self._live.add(connection)
        return connection

    def _free(self, connection: Connection, keeps: bool) -> None:
        """Keep a connection for another request where `keeps` is true and there is room, else close it."""
        with self._lock:
            idle = self._idle.setdefault(connection.route, [])
            if keeps and len(idle) < self._most_idle and not self._ended.is_set():
                idle.append(connection)
                return
        connection.close()

"""A connection to a server, direct or through a proxy, with or without TLS: sends requests, reads responses."""

import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from tagger.images.registry.addresses import Origin
from tagger.images.registry.dial import Dial
from tagger.images.registry.faults import Broken, Fault, LateToConnect, NoHost, NoTls, ProxyFailed, Unreachable
from tagger.images.registry.messages import Message
from tagger.images.registry.pace import Incoming
from tagger.images.registry.responses import CHUNK, fault_of
from tagger.images.registry.sockets import open_socket

__all__ = ["Connection", "Route"]

PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
WITH_BODY = frozenset({"PATCH", "POST", "PUT"})


class Route(NamedTuple):
    """How an origin is reached. `proxy` is a URL, empty for none; `check` raises for a forbidden address."""

    origin: Origin
    timeout: float
    tls: Callable[[], ssl.SSLContext]
    check: Callable[[str], None]
    proxy: str = ""


class Connection:
    """One connection, opened by `connect`. `dial` is an attempt to connect that has begun already."""

    def __init__(self, route: Route, dial: Dial | None = None) -> None:
        self.route = route
        self._dial = dial
        self.sock: socket.socket | None = None

    def connect(self) -> None:
        """Connect. Where a certificate is not trusted, load the system's file of authorities too, and connect again."""
        dial, self._dial = self._dial, None
        made = dial.take() if dial else None
        if made:
            self.sock = self._allow(made)
            return
        try:
            self.sock = self._open()
        except NoTls as error:
            if error.is_trusted:
                raise
            self.route.tls().load_default_certs()
            self.sock = self._open()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | BinaryIO | None) -> None:
        """Send a request. Raise `Fault`, and what reading the body raises."""
        head = self._head(method, url, headers, body)
        sock = self.sock
        assert sock  # noqa: S101 - the caller has connected
        try:
            if body is None or isinstance(body, bytes):
                sock.sendall(head + (body or b""))
                return
            sock.sendall(head)
        except (BrokenPipeError, ConnectionResetError):
            return  # the server may have answered before it closed the connection
        except OSError as error:
            raise fault_of(error) from error
        while chunk := body.read(CHUNK):
            try:
                sock.sendall(chunk)
            except (BrokenPipeError, ConnectionResetError):
                return
            except OSError as error:
                raise fault_of(error) from error

    def check(self) -> None:
        """Raise where requests to the connected address are forbidden; also called before each use of an idle one."""
        if not self.route.proxy and self.sock is not None:
            with suppress(OSError):  # the connection is closed; the request reports that
                self.route.check(str(self.sock.getpeername()[0]))

    def receive(self, method: str) -> Message:
        """Read the head of the response to a request, and return it with its body to come. Raise `Fault`."""
        assert self.sock  # noqa: S101
        try:
            return Message(Incoming(self.sock), has_body=method != "HEAD")
        except (OSError, Fault, ValueError) as error:
            raise fault_of(error) from error

    def close(self) -> None:
        """Close it. A thread that waits for an answer does not notice: see `end`."""
        sock, self.sock = self.sock, None
        if sock:
            with suppress(OSError):
                sock.close()

    def end(self) -> None:
        """End it. A thread that waits for an answer gets an error at once. Any thread may call this."""
        if sock := self.sock:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    @property
    def is_usable(self) -> bool:
        """Whether an idle connection can still be used. Bytes to read mean that it is closed, or are TLS tickets."""
        sock: Any = self.sock
        if sock is None:
            return False
        timeout = sock.gettimeout()
        try:
            sock.settimeout(0)
            if isinstance(sock, ssl.SSLSocket):
                sock.read(1)
            else:
                sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except (OSError, ValueError):
            return False
        finally:
            with suppress(OSError):
                sock.settimeout(timeout)
        return False  # it is closed, or sends data that nobody requested

    # How it is opened

    def _open(self) -> socket.socket:
        origin, proxy = self.route.origin, self.route.proxy
        if proxy:
            made = self._open_through(proxy)
        else:
            made = self._allow(_connect_tcp((origin.host, origin.port), self.route.timeout))
        if origin.scheme == "http":
            return made
        secured: socket.socket = self._wrap_tls(made, origin.host, over_tls=isinstance(made, ssl.SSLSocket))
        return secured

    def _allow(self, made: socket.socket) -> socket.socket:
        """Return the connection where its address is allowed. Else close it, before TLS begins, and raise."""
        try:
            with suppress(OSError):  # the connection is closed; the request reports that
                self.route.check(str(made.getpeername()[0]))
        except BaseException:
            made.close()
            raise
        return made

    def _wrap_tls(self, made: socket.socket, host: str, *, over_tls: bool = False) -> Any:
        """Return the connection with TLS. For TLS inside the TLS of a proxy, urllib3 has the class."""
        context, name = self.route.tls(), host.rstrip(".")
        try:
            if over_tls:
                from urllib3.util.ssltransport import SSLTransport  # few proxies use TLS

                inner: Any = SSLTransport(made, context, server_hostname=name)
                return inner
            return context.wrap_socket(made, server_hostname=name.encode())
        except ssl.SSLError as error:
            made.close()
            raise NoTls(str(error)) from error
        except TimeoutError as error:
            made.close()
            raise LateToConnect("the TLS handshake took too long") from error
        except (OSError, ValueError) as error:
            made.close()
            raise Broken("it ended during the TLS handshake") from error
        except BaseException:
            made.close()
            raise

    def _open_through(self, proxy: str) -> socket.socket:
        """Return a connection to a proxy; for an HTTPS origin, a tunnel through the proxy to the origin."""
        parts, origin = urlsplit(proxy), self.route.origin
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        made = None
        try:
            made = _connect_tcp((host, port), self.route.timeout)
            if parts.scheme == "https":
                made = self._wrap_tls(made, host)
            if origin.scheme == "https":
                target = f"{_in_url(origin.host)}:{origin.port}"
                lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *_proxy_login(proxy)]
                made.sendall(_encode(lines))
                status = Message(Incoming(made), at_once=1).status  # later bytes are from the origin
                if status != 200:
                    made.close()
                    raise ProxyFailed(f"it answered {status}", status)
        except ProxyFailed:
            raise
        except (Fault, OSError, ValueError) as error:
            if made:
                made.close()
            raise ProxyFailed(str(error)) from error
        return made

    def _head(self, method: str, url: str, headers: Mapping[str, str], body: bytes | BinaryIO | None) -> bytes:
        """Return the request line and the headers."""
        origin, proxy = self.route.origin, self.route.proxy
        parts = urlsplit(url)
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=PRINTABLE)
        through = proxy and origin.scheme == "http"
        lines = [f"{method} {f'http://{origin.netloc}' if through else ''}{target} HTTP/1.1", f"Host: {origin.netloc}"]
        lines += ["Accept-Encoding: identity"] if "Accept-Encoding" not in headers else []
        lines += _proxy_login(proxy) if through else []
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if "Content-Length" not in headers and (isinstance(body, bytes) or method in WITH_BODY):
            lines.append(f"Content-Length: {len(body) if isinstance(body, bytes) else 0}")
        return _encode(lines)


def _connect_tcp(place: tuple[str, int], timeout: float) -> socket.socket:
    """Return a connection to a host and port. Raise `Unreachable`, `NoHost`, `LateToConnect`."""
    try:
        made = open_socket(place, timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    except (socket.gaierror, UnicodeError) as error:
        raise NoHost(place[0]) from error
    except TimeoutError as error:
        raise LateToConnect(place[0]) from error
    except OSError as error:
        raise Unreachable(place[0]) from error


def _proxy_login(proxy: str) -> list[str]:
    """Return the header line with the login of a proxy, if it has one."""
    parts = urlsplit(proxy)
    if not parts.username:
        return []
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return [f"Proxy-Authorization: Basic {b64encode(login.encode()).decode()}"]


def _encode(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host

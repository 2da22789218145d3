"""A proxy between Tagger and a real registry, in which one request, or every one from there on, goes wrong.

with FaultProxy(registry) as proxy:
    proxy.plan("lost", at=7)          # the seventh request from now on is carried out, and its answer is lost
    ...
    assert proxy.hit.method == "PUT"
"""

import base64
import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import urlsplit

from tests.servers.http_server import Exchange, HttpServer, Reply
from tests.servers.registries import DockerRegistry

__all__ = ["ANSWERS", "FAULTS", "FaultProxy", "Seen"]

SHORT = {"Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Date"}
"""Headers of one hop, and those that the server of the proxy writes itself."""


def _error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Reply:
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Reply(status, [("Content-Type", "application/json"), *headers], body)


ANSWERS: Mapping[str, Reply] = {
    "429, seconds": _error(429, "TOOMANYREQUESTS", "slow down", ("Retry-After", "1")),
    "429, in the body": _error(429, "TOOMANYREQUESTS", "retry-after: 10.3ms, allowed: 2000/minute"),
    "403, throttling": Reply(403, [("Content-Type", "text/plain")], b"You have exceeded a secondary rate limit."),
    "500": _error(500, "UNKNOWN", "unknown error"),
    "502": Reply(502, [("Content-Type", "text/html")], b"<html><h1>502 Bad Gateway</h1></html>"),
    "503": Reply(503, [("Content-Type", "text/plain")], b"upstream connect error"),
}
"""What is answered instead of the registry, which never sees the request."""

FAULTS = (
    "refused", "reset", "lost", "silent", "half", "wrong", *ANSWERS, "429, date", "502, carried out", "expired",
    "redirect",
)  # fmt: skip
"""`refused`: nobody listens any more. `reset`: the connection breaks, nothing is done. `lost`: it is done, and the
connection breaks. `silent`: it is done, and nothing is said. `half`: half a body. `wrong`: a body with another byte.
`502, carried out`: it is done, and 502 is answered. `expired`: the token is one that has run out. `redirect`: what is
read is at another host."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it passed: the repository's own part of its path, and the credentials that came with it."""

    method: str
    host: str
    path: str
    authorization: str

    @property
    def kind(self) -> str:
        """What it is about, for a table: `HEAD tag`, `PUT blob`, `GET tags/list`."""
        parts = urlsplit(self.path).path.split("/")
        if "tags" in parts[-2:-1]:
            what = "tags/list"
        elif "uploads" in parts:
            what = "upload" if self.method == "POST" else "blob"
        elif parts[-2] == "manifests":
            what = "digest" if ":" in parts[-1] else "signature tag" if "sha256-" in parts[-1] else "tag"
        else:
            what = {"blobs": "blob", "referrers": "referrers"}.get(parts[-2], "/v2/")
        return f"{self.method} {what}"


class FaultProxy(HttpServer):
    """A proxy in front of a registry, on a port of its own.

    `watch` gets the number of each request twice: when it arrives, and when it is carried out, before its answer.
    """

    def __init__(self, upstream: DockerRegistry) -> None:
        super().__init__()
        self._upstream = upstream
        self._tls = ssl.create_default_context(cafile=upstream.ca_file) if upstream.ca_file else None
        self._fault, self._at, self._lasting = "", 0, False
        self._down = False
        self.watch: Callable[[int, bool], None] = lambda _number, _done: None
        self.seen: list[Seen] = []
        self.hit: Seen | None = None
        self.elsewhere: list[Seen] = []

    def plan(self, fault: str, at: int, *, lasting: bool = False) -> None:
        """Let the request number `at` from now on go wrong, and with `lasting` all that follow it."""
        with self.lock:
            self.seen, self.elsewhere, self.hit = [], [], None
            self._fault, self._at, self._lasting = fault, at, lasting

    def heal(self) -> None:
        """Let nothing go wrong from now on; what was seen stays until the next plan."""
        with self.lock:
            self._fault = ""
            if self._down:
                with suppress(OSError):  # a socket that was shut down has lost the port that the kernel gave it
                    self._server.socket.bind(("127.0.0.1", self.port))
                self._server.socket.listen(self._server.request_queue_size)
                self._down = False

    def answer(self, exchange: Exchange) -> None:
        """Pass a request on, or let it go wrong."""
        host = exchange.headers.get("Host", "")
        seen = Seen(exchange.command, host, exchange.path, exchange.headers.get("Authorization", ""))
        elsewhere = exchange.path.startswith("/elsewhere/")
        with self.lock:
            (self.elsewhere if elsewhere else self.seen).append(seen)
            number = len(self.seen)
            wrong = not elsewhere and self._fault and (number >= self._at if self._lasting else number == self._at)
            fault = self._fault if wrong else ""
            self.hit = self.hit or (seen if wrong else None)
        self.watch(number, False)
        self._go_wrong(exchange, fault, number)

    def _go_wrong(self, exchange: Exchange, fault: str, number: int) -> None:
        if fault == "refused":
            with self.lock:
                if not self._down:
                    self._server.socket.shutdown(socket.SHUT_RDWR)  # from now on the kernel refuses connections
                    self._down = True
            self.disconnect()
            exchange.reset()
        elif fault == "reset":
            exchange.reset()
        elif fault in ANSWERS or fault == "429, date":
            exchange.body()
            soon = formatdate(time.time() + 1, usegmt=True)
            exchange.reply(ANSWERS.get(fault) or _error(429, "TOOMANYREQUESTS", "slow down", ("Retry-After", soon)))
        elif fault == "redirect" and exchange.command in ("GET", "HEAD"):
            here = exchange.headers.get("Host", "").startswith("localhost")
            other = f"{'127.0.0.1' if here else 'localhost'}:{self.port}"
            exchange.reply(Reply(307, [("Location", f"http://{other}/elsewhere{exchange.path}")]))
        else:
            reply = self._pass_on(exchange, expired=fault == "expired")
            self.watch(number, True)
            if fault == "lost" or (fault == "half" and not reply.body):
                exchange.reset()
            elif fault == "silent":
                exchange.wait_for_client()
            elif fault == "502, carried out":
                exchange.reply(ANSWERS["502"])
            elif fault == "wrong" and reply.body:
                middle = len(reply.body) // 2
                changed = reply.body[:middle] + bytes([reply.body[middle] ^ 1]) + reply.body[middle + 1 :]
                exchange.reply(Reply(reply.status, reply.headers, changed))
            else:
                exchange.reply(reply, half=fault == "half")

    def _pass_on(self, exchange: Exchange, *, expired: bool) -> Reply:
        """Send a request to the registry, and return its answer."""
        address, port = self._upstream.host.rsplit(":", 1)
        headers = {name: value for name, value in exchange.headers.items() if name not in SHORT}
        if self._tls:
            headers["X-Forwarded-Proto"] = "http"
        if expired and "Authorization" in headers:
            headers["Authorization"] = "Bearer expired"
        if exchange.path.startswith("/elsewhere/") and self._upstream.login:
            login = ":".join(self._upstream.login)
            headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
        connection = (
            http.client.HTTPSConnection(address, int(port), context=self._tls)
            if self._tls
            else http.client.HTTPConnection(address, int(port))
        )
        try:
            path = exchange.path.removeprefix("/elsewhere")
            connection.request(exchange.command, path, exchange.body() or None, headers)
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name not in SHORT]
            body = answer.read()
            return Reply(answer.status, kept, body)
        finally:
            with suppress(OSError):
                connection.close()

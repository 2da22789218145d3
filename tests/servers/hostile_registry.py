"""A registry that carries out requests and mutates the answers: their status, headers, body and pace."""

import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.servers.http_server import Exchange, Reply
from tests.servers.small_registry import Request, SmallRegistry

__all__ = ["HostileRegistry"]

STATUSES = (
    100, 101, 199, 200, 201, 202, 203, 204, 206, 226, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405,
    406, 408, 409, 410, 411, 412, 413, 415, 416, 418, 421, 422, 423, 425, 428, 429, 431, 451, 499, 500, 501, 502, 503,
    504, 507, 508, 520, 524, 599, 600, 999,
)  # fmt: skip
ZEROS = f"sha256:{'0' * 64}"
VALUES = (
    "", " ", "0", "-1", "1e999", "NaN", "9" * 40, "9" * 5000, "a" * 60_000, "\x00", "\x7f", "\xff\xfe", "%", "%zz",
    "::", ";;;=,", '"', '"\\', "<", "<>", "\x1b[31m", "::error::x", "##[group]", ZEROS, "sha256:",
    "sha512:" + "f" * 128,
    "application/json", "text/html", "application/vnd.oci.image.index.v1+json", "text/plain; charset=nowhere",
    "http://[::1", "http://[::1]:99999/x", "//", "/", "?", "#", "/v2/acme/other/manifests/latest", "/v2/../../x",
    "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/x",
    "http://user:word@127.0.0.1/", "http://localhost:1/", "https://127.0.0.1:1/", "ftp://127.0.0.1/",
    "<http://[::1>; rel=next", "</v2/acme/app/tags/list?last=a>; rel=\"next\"", "<" * 3000, "x=y; " * 2000,
    'Bearer realm="http://127.0.0.1:1/token",service="x",scope="repository:acme/app:pull"', "Basic", "Negotiate",
    'Bearer realm="/token"', "Bearer realm=", "Bearer " + "a=b," * 5000, 'Basic realm="\\',
    "Bearer error=insufficient_scope", "Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT",
    "gzip", "identity", "chunked", "br, zstd",
    "close",
)  # fmt: skip
# Not Content-Length: urllib3 leaves the socket of an answer with two lengths to the garbage collector.
HEADERS = (
    "Content-Type", "Docker-Content-Digest", "Location", "Link", "WWW-Authenticate", "Retry-After", "Content-Range",
    "Range", "OCI-Subject", "OCI-Tag", "OCI-Filters-Applied", "Content-Encoding", "Transfer-Encoding",
    "Docker-Upload-UUID", "OCI-Chunk-Min-Length", "Connection", "Set-Cookie", "Warning", "X-Meta-Source", "Server",
    "Docker-Distribution-Api-Version", "ETag",
)  # fmt: skip
BODIES = (
    b"", b"{}", b"[]", b"null", b"0", b'""', b"{", b"\xff\xfe\x00", b"<html><form action=/login></html>", b"[" * 50_000,
    b'{"a":' * 20_000, b'{"errors": null}', b'{"errors": [null, 1, {"code": {}, "message": []}]}', b'{"tags": null}',
    b'{"tags": [1, null, {}, "a b", "::error::"]}',
    b'{"errors": [{"code": "DENIED", "message": "::error::\\u001b[31m"}]}',
    b'{"schemaVersion": 2, "manifests": [{"digest": 1}]}', b'{"schemaVersion": 1}', b"x" * 300_000,
    b'{"token": "a\\nb"}',
    b'{"config": {"size": 1e400}}', b"9" * 5000, b'{"schemaVersion": ' + b"9" * 5000 + b"}",
)  # fmt: skip
SCRAPS: Sequence[Any] = (
    None, True, -1, 0, 1.5, 1e308, 10**30, "", "a", "\ud800", "::error::x", ZEROS, "sha512:00", [], {}, [[]], {"": {}},
    "a" * 5000, "../../x", "application/vnd.oci.image.index.v1+json",
)  # fmt: skip


class HostileRegistry(SmallRegistry):
    """A registry whose answers are mutated while `rate` is above 0: that share of them, as `dice` fall."""

    def __init__(self, **habits: Any) -> None:
        super().__init__(**habits)
        self.rate = 0.0
        self.dice = random.Random(0)
        self.writes: set[tuple[str, str]] = set()

    def _reply(self, request: Request) -> Reply:
        reply = super()._reply(request)
        if request.method in ("PUT", "DELETE") and request.kind == "manifests":
            self.writes.add((request.name, request.reference))
        with self.lock:
            while self.rate and self.dice.random() < self.rate:
                reply = self.dice.choice(MUTATIONS)(reply, self.dice)
        return reply

    def _carry_out(self, exchange: Exchange, request: Request, fault: Any) -> None:
        with self.lock:
            pace = self.dice.random() if self.rate else 1.0
        if pace < self.rate / 20:
            exchange.body()
            exchange.reset()
        elif pace < self.rate / 10:
            exchange.body()
            exchange.reply(self._reply(request), half=True)
        else:
            if pace < self.rate / 5:
                time.sleep(0.02)
            super()._carry_out(exchange, request, fault)


def _status(reply: Reply, dice: random.Random) -> Reply:
    return Reply(dice.choice(STATUSES), reply.headers, reply.body)


def _lose_header(reply: Reply, dice: random.Random) -> Reply:
    kept = [header for header in reply.headers if dice.random() < 0.5]
    return Reply(reply.status, kept, reply.body)


def _change_header(reply: Reply, dice: random.Random) -> Reply:
    name = dice.choice(HEADERS)
    others = [(key, value) for key, value in reply.headers if key != name or dice.random() < 0.2]
    return Reply(reply.status, [*others, (name, dice.choice(VALUES))], reply.body)


def _other_body(reply: Reply, dice: random.Random) -> Reply:
    return Reply(reply.status, reply.headers, dice.choice(BODIES))


def _change_bytes(reply: Reply, dice: random.Random) -> Reply:
    if not reply.body:
        return reply
    content = bytearray(reply.body)
    for _ in range(dice.randrange(1, 8)):
        content[dice.randrange(len(content))] = dice.randrange(256)
    return Reply(reply.status, reply.headers, bytes(content[: dice.randrange(len(content) + 1)]))


def _change_json(reply: Reply, dice: random.Random) -> Reply:
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        return reply
    content = json.dumps(_changed(document, dice), allow_nan=True).encode("utf-8", "surrogatepass")
    return Reply(reply.status, reply.headers, content)


def _changed(value: Any, dice: random.Random) -> Any:
    """Return a document with one value or key changed."""
    inner = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not inner or dice.random() < 0.2:
        return dice.choice(SCRAPS)
    key = dice.choice(inner)
    if isinstance(value, dict):
        return {(dice.choice(inner) if k == key and dice.random() < 0.2 else k): v for k, v in value.items()} | {
            key: _changed(value[key], dice)
        }
    return [_changed(one, dice) if place == key else one for place, one in enumerate(value)] * dice.choice((1, 1, 2))


MUTATIONS: Sequence[Callable[[Reply, random.Random], Reply]] = (
    _status, _lose_header, _change_header, _change_header, _other_body, _change_bytes, _change_json, _change_json,
)  # fmt: skip

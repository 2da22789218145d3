"""Responses of HTTP/1.1 as servers write them: lengths, chunks, encodings, odd heads; and what is no response."""

import gzip
import zlib
from collections.abc import Iterator

import pytest

from tagger.images.registry.answers import ConnectionFailed
from tagger.images.registry.transport import Response, TooLarge, Transport
from tests.servers.raw_server import RawServer

OK = b"HTTP/1.1 200 OK\r\n"
MOST = 10_000


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport(timeout=2.0)
    yield transport
    transport.close()


def answered(transport: Transport, raw: bytes, method: str = "GET") -> Response:
    """Return the response to a request that is answered with these bytes; a server that goes ends the connection."""

    def pieces() -> Iterator[bytes]:
        yield raw
        raise OSError

    with RawServer(pieces) as server:
        return transport.open(method, f"http://{server.host}/v2/", {})


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (OK + b"Content-Length: 4\r\n\r\nbody", b"body"),
        (OK + b"content-length:4\r\n\r\nbody and more", b"body"),
        (OK + b"\r\nbody", b"body"),
        (b"HTTP/1.0 200 OK\n\nbody", b"body"),
        (b"HTTP/1.1 200\r\nContent-Length: 4\r\n\r\nbody", b"body"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\nTrailer: x\r\n\r\n", b"body"),
        (OK + b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", b"body"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"\r\nbody", b"body"),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"body", mtime=0), b"body"),
        (OK + b"Content-Encoding: deflate\r\n\r\n" + zlib.compress(b"body"), b"body"),
        (OK + b"Content-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n", b""),
    ],
)
def test_a_body_is_read(raw: bytes, body: bytes, transport: Transport) -> None:
    assert answered(transport, raw).read_whole(MOST) == body


def test_a_head_has_no_body(transport: Transport) -> None:
    response = answered(transport, OK + b"Content-Length: 4\r\n\r\n", "HEAD")
    assert (response.read_whole(MOST), response.headers.get("content-length")) == (b"", "4")


def test_fields_of_one_name(transport: Transport) -> None:
    raw = OK + b"Link: <a>\r\nlink: <b>, <c>\r\nX-Name: \xe9 \r\nEmpty:\r\nContent-Length: 0\r\n\r\n"
    headers = answered(transport, raw).headers
    assert headers.getlist("LINK") == ["<a>", "<b>, <c>"]
    assert headers.get("Link") == "<a>, <b>, <c>"
    assert headers.get("x-name") == "é"
    assert ("empty" in headers, headers.get("empty")) == (True, "")
    assert ("absent" in headers, headers.get("absent"), headers.getlist("absent")) == (False, "", [])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        OK,
        OK + b"Content-Length: 4",
        OK + b"Content-Length: many\r\n\r\nbody",
        OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
        OK + b"Nothing\r\nContent-Length: 0\r\n\r\n",
        OK + b"Content-Length: 5\r\n\r\nbody",
        OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nbody\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-4\r\nbody\r\n0\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\n\r\nbody",
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"body", mtime=0)[:-3],
    ],
)
def test_what_is_no_whole_response(raw: bytes, transport: Transport) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        answered(transport, raw).read_whole(MOST)
    assert caught.value.sent


def test_what_is_large_once_it_is_decoded(transport: Transport) -> None:
    response = answered(transport, OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(1_000_000), mtime=0))
    with pytest.raises(TooLarge):
        response.read_whole(MOST)


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"\x1f\x8b\x08\x00" + bytes(6) + b"\x00\x00\x00\xff\xff", b"\x00\x00\x00\xff\xff" * 1000),
        (b"\x1f\x8b\x08\x08" + bytes(6), b"name" * 1000),
        (gzip.compress(b"body", mtime=0), b"more" * 1000),
        (gzip.compress(b"body", mtime=0), gzip.compress(b"", mtime=0) * 1000),
    ],
    ids=["blocks of nothing", "its name", "what comes behind it", "streams of nothing"],
)
def test_a_body_that_decodes_to_little_has_an_end(begin: bytes, more: bytes, transport: Transport) -> None:
    def pieces() -> Iterator[bytes]:
        yield OK + b"Content-Encoding: gzip\r\n\r\n" + begin
        while True:
            yield more

    with RawServer(pieces) as server, pytest.raises((ConnectionFailed, TooLarge)):
        transport.open("GET", f"http://{server.host}/v2/", {}).read_whole(MOST)


@pytest.mark.parametrize(
    ("raw", "connections"),
    [
        (OK + b"Content-Length: 4\r\n\r\nbody", 1),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", 1),
        (OK + b"Connection: close\r\nContent-Length: 4\r\n\r\nbody", 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", 2),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody", 1),
        (OK + b"Content-Length: 4\r\n\r\nbody" + OK + b"Content-Length: 4\r\n\r\nmore", 2),
    ],
)
def test_a_connection_serves_again_if_it_may(raw: bytes, connections: int, transport: Transport) -> None:
    with RawServer(lambda: [raw]) as server:
        for _ in range(2):
            response = transport.open("GET", f"http://{server.host}/", {})
            assert response.read_whole(MOST) == b"body"
        assert server.accepted == connections


def test_a_target_with_other_characters_is_quoted(transport: Transport) -> None:
    with RawServer(lambda: [OK + b"Content-Length: 0\r\n\r\n"]) as server:
        transport.open("GET", f"http://{server.host}/v2/a b/\xe9?x=%2f&y=\xe9#z", {}).discard()
        assert server.heads[0].startswith(b"GET /v2/a%20b/%C3%A9?x=%2f&y=%C3%A9 HTTP/1.1\r\nHost: ")

"""Answers that would never end: they end in one error, in bounded time and memory."""

import itertools
import time
from collections.abc import Callable, Iterator

import pytest

from tagger.errors import StoreError
from tagger.images.registry.registries import Registries
from tagger.names import Repository
from tests.servers.raw_server import RawServer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def flood(begin: bytes, piece: bytes) -> Callable[[], Iterator[bytes]]:
    """Send a piece for ever."""
    return lambda: itertools.chain([begin], itertools.repeat(piece * 1000))


def drip(begin: bytes, piece: bytes) -> Callable[[], Iterator[bytes]]:
    """Send a piece for ever, some times in a second."""

    def pieces() -> Iterator[bytes]:
        yield begin
        while True:
            time.sleep(0.1)
            yield piece

    return pieces


@pytest.mark.parametrize(
    "answer",
    [
        flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        flood(b"", b"X"),
        flood(HEAD, b"X: y\r\n"),
        flood(HEAD + b"Content-Length: 99999999999\r\n\r\n", b"[],"),
        flood(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        flood(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        flood(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
        drip(b"", b"H"),
        drip(HEAD, b"x"),
        drip(HEAD + b"Content-Length: 9999\r\n\r\n", b" "),
        drip(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=[
        "interim answers", "no line ends", "headers", "a long body", "chunks", "the size of a chunk", "trailers",
        "a slow status", "a slow header", "a slow body", "slow chunks",
    ],
)  # fmt: skip
def test_an_answer_ends(answer: Callable[[], Iterator[bytes]]) -> None:
    began = time.monotonic()
    with (
        RawServer(answer) as server,
        Registries(timeout=0.6, retries=0) as client,
        pytest.raises(StoreError),
    ):
        client.repository(Repository(server.host, "acme/app")).tags()
    assert time.monotonic() - began < 8


def test_a_slow_reader_is_not_taken_for_a_slow_server() -> None:
    content = b"x" * 5000

    def pieces() -> Iterator[bytes]:
        yield HEAD + b"Content-Length: 5000\r\n\r\n" + content[:2500]
        time.sleep(0.1)
        yield content[2500:]

    from tagger.images.registry.transport import Transport

    transport = Transport(timeout=0.5)
    with RawServer(pieces) as server:
        response = transport.open("GET", f"http://{server.host}/", {})
        read = b""
        while chunk := response.read(500):
            read += chunk
            time.sleep(0.12)  # in all longer than the server may take
        assert read == content
    transport.close()

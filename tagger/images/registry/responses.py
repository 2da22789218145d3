"""Responses of HTTP/1.1 (RFC 9112), read from a connection."""

import zlib
from collections.abc import Callable
from typing import NamedTuple

from tagger.images.registry.addresses import Origin
from tagger.images.registry.answers import ConnectionFailed
from tagger.images.registry.faults import Broken, Fault, Late
from tagger.images.registry.headers import Headers
from tagger.images.registry.pace import MOST_INTERIM, Incoming

__all__ = ["CHUNK", "Head", "Response", "TooLarge", "fault_of", "read_head"]

CHUNK = 64 * 1024  # bytes read from a connection, and sent, at once
UNREAD = 4 * 1024  # bytes of a body that nobody wants
NO_BODY = frozenset({204, 304})
WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
"""Encodings of content that are undone, though none is asked for, with what zlib calls them."""


class TooLarge(Exception):
    """An answer has more bytes than it may have."""


class Head(NamedTuple):
    """What stands before a body. `keeps`: the connection serves another request after it."""

    status: int
    headers: Headers
    keeps: bool


def read_head(incoming: Incoming) -> Head:
    """Return the head of the next final response; interim ones are passed by. Raise `Broken`, `OSError`."""
    for _ in range(MOST_INTERIM + 1):
        version, _, rest = incoming.line().partition(b" ")
        number = rest.lstrip()[:3]
        if not version.startswith(b"HTTP/1.") or not number.isdigit() or len(number) < 3:
            raise Broken("it is no HTTP/1.1")
        headers = _read_headers(incoming)
        status = int(number)
        if status >= 200 or status == 101:
            said = headers.get("Connection").lower()
            return Head(status, headers, "keep-alive" in said if version == b"HTTP/1.0" else "close" not in said)
    raise Broken("interim answers without end")


def fault_of(error: Exception) -> Fault:
    """Return what an error of a socket means for who waits for an answer."""
    if isinstance(error, Fault):
        return error
    fault = Late("no answer in time") if isinstance(error, TimeoutError) else Broken("the connection ended")
    fault.__cause__ = error
    return fault


class Response:
    """A response whose body is unread. `origin` is who answers; `free` takes the connection back, or ends it."""

    def __init__(
        self, head: Head, incoming: Incoming, method: str, origin: Origin, free: Callable[[bool], None]
    ) -> None:
        self.status, self.headers, self._keeps = head
        self.origin = origin
        self._incoming, self._free = incoming, free
        self._ended = False
        self._chunked = "chunked" in self.headers.get("Transfer-Encoding").lower()
        self._left: int | None = 0 if self._chunked else _length(self.headers)  # of a chunk, or of all
        if method == "HEAD" or self.status in NO_BODY or (self._left == 0 and not self._chunked):
            self._end()

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes as they were sent; none at the end. Raise `ConnectionFailed`."""
        try:
            return b"" if self._ended else self._piece(size)
        except (Fault, OSError, ValueError) as error:
            self.close()
            fault = fault_of(error)
            raise ConnectionFailed(self.origin.netloc, fault, sent=fault.sent, lasting=fault.lasting) from error

    def read_whole(self, most: int) -> bytes:
        """Return the body, decoded, and give the connection back. Raise `ConnectionFailed`, `TooLarge`."""
        window = WINDOWS.get(self.headers.get("Content-Encoding").strip().lower())
        body, decoder = bytearray(), zlib.decompressobj(window) if window else None
        try:
            while piece := self.read(CHUNK):
                body += piece if decoder is None else decoder.decompress(piece, most + 1 - len(body))
                if len(body) > most:
                    raise TooLarge
        except zlib.error as error:
            self.close()
            broken = Broken("its content cannot be decoded")
            raise ConnectionFailed(self.origin.netloc, broken, sent=True, lasting=False) from error
        except BaseException:
            self.close()  # what is unread would be taken for the next answer
            raise
        return bytes(body)

    def discard(self) -> None:
        """Give the connection back; nobody reads the body, so a long one costs the connection and no time."""
        left = UNREAD
        try:
            while left > 0 and (piece := self.read(left)):
                left -= len(piece)
        except ConnectionFailed:
            return
        self.close()

    def close(self) -> None:
        """End the connection, if the body was not read to its end."""
        if not self._ended:
            self._keeps = False
            self._end()

    def _end(self) -> None:
        self._ended = True
        keeps = self._keeps and self._incoming.ends()
        self._incoming.close()
        self._free(keeps)

    def _piece(self, size: int) -> bytes:
        """Return the next bytes of the body; none at its end."""
        if self._chunked and self._left == 0:
            self._left = _chunk_size(self._incoming)
            if self._left == 0:
                while self._incoming.line():  # trailers
                    pass
                self._end()
                return b""
        if self._left is None:  # until the connection ends
            piece = self._incoming.piece(size)
            if not piece:
                self.close()
            return piece
        piece = self._incoming.piece(min(size, self._left))
        self._left -= len(piece)
        if not piece:
            raise Broken("the end within the content")
        if self._left == 0:
            if self._chunked:
                self._incoming.line()
            else:
                self._end()
        return piece


def _read_headers(incoming: Incoming) -> Headers:
    headers, name, value = Headers(), "", ""
    while line := incoming.line():
        text = line.decode("latin-1")
        if text[0] in " \t":  # a line that goes on (RFC 9112, section 5.2)
            value += " " + text.strip()
            continue
        if name:
            headers.add(name, value)
        name, _, rest = text.partition(":")
        name, value = name.rstrip(), rest.strip()
    if name:
        headers.add(name, value)
    return headers


def _length(headers: Headers) -> int | None:
    """Return how long a body is; None where the end of the connection tells. Raise `Broken` for two lengths."""
    found = {text.strip() for text in headers.get("Content-Length").split(",")}
    if len(found) > 1:
        raise Broken("it has two lengths")
    text = found.pop()
    return int(text) if text.isascii() and text.isdigit() else None


def _chunk_size(incoming: Incoming) -> int:
    text = incoming.line().partition(b";")[0].strip()
    try:
        size = int(text, 16)
    except ValueError as error:
        raise Broken("a chunk without a size") from error
    if size < 0:
        raise Broken("a chunk without a size")
    return size

"""Reads one HTTP/1.1 response (RFC 9112) with httptools, within limits."""

from collections import deque

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from tagger.images.registry.faults import Broken
from tagger.images.registry.headers import Headers
from tagger.images.registry.pace import Incoming

__all__ = ["Message"]

AT_ONCE = 64 * 1024  # bytes read from a connection at once
MOST_INTERIM = 8  # responses 1xx before the final one (RFC 9110, section 15.2)
MOST_FRAMING = 256 * 1024  # bytes of heads, chunk sizes and trailers, beyond as many bytes as the content has


class Message:
    """A response that is being received. Its head is read at once; `read` returns its body.

    `keeps`: the server keeps the connection open for another request. `is_over`: the whole response has come.
    """

    def __init__(self, incoming: Incoming, *, has_body: bool = True, at_once: int = AT_ONCE) -> None:
        """Read to the end of the head, and skip interim responses. Raise `Broken`, `OSError`."""
        self.status = 0
        self.headers = Headers()
        self.keeps = self.is_over = False
        self._incoming, self._has_body = incoming, has_body
        self._parser = HttpResponseParser(self)
        # Some servers send these forms. They are a danger only to proxies, which pass a response on.
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True, lenient_optional_cr_before_lf=True, lenient_data_after_close=True
        )
        self._content: deque[bytes] = deque()
        self._interim = self._framing = 0
        self._has_head = self._has_more = False
        while not self._has_head:
            self._feed(at_once)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes of the body; empty at its end. Raise `Broken`, `OSError`."""
        while not self._content and not self.is_over:
            self._feed(max(size, 1))
        if not self._content:
            return b""
        piece = self._content.popleft()
        if len(piece) > size:
            self._content.appendleft(piece[size:])
        return piece[:size]

    @property
    def is_read(self) -> bool:
        """True where all of the body that has come was read."""
        return not self._content

    @property
    def is_alone(self) -> bool:
        """True where no data came after it, which would be read as the next response."""
        return not self._has_more

    def _feed(self, most: int) -> None:
        piece = self._incoming.piece(min(most, AT_ONCE))
        if not piece:
            self._end()
            return
        self._framing += len(piece)
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade:
            self._has_more = True
        except HttpParserError as error:
            if not self.is_over:
                cause = error.__context__
                raise (cause if isinstance(cause, Broken) else Broken(str(error))) from error
            self._has_more = True
        if self._framing > MOST_FRAMING:
            raise Broken("it has too much around its content")

    def _end(self) -> None:
        """End the body at the end of the connection. Raise `Broken` where a header gives its length or chunks."""
        said = "chunked" in self.headers.get("Transfer-Encoding").lower() or "Content-Length" in self.headers
        if not self._has_head or said:
            raise Broken("the end within the answer")
        self.is_over, self.keeps = True, False

    # The callbacks of httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:
            self.headers.add(name.decode("latin-1"), value.decode("latin-1").strip())

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._has_head:
            self._has_more = True
        elif status < 200 and status != 101:
            self.headers = Headers()
            self._interim += 1
            if self._interim > MOST_INTERIM:
                raise Broken("interim answers without end")
        else:
            self.status, self._has_head = status, True
            said = self.headers.get("Connection").lower()
            is_old = self._parser.get_http_version() == "1.0"
            self.keeps = "keep-alive" in said if is_old else "close" not in said
            self.is_over = not self._has_body

    def on_message_begin(self) -> None:
        self._has_more = self._has_head

    def on_body(self, content: bytes) -> None:
        if self.is_over:
            self._has_more = True
            return
        self._framing -= 2 * len(content)
        self._content.append(content)

    def on_message_complete(self) -> None:
        self.is_over = self._has_head

"""A response of which the body is read and decoded up to a limit, or discarded."""

import zlib
from collections.abc import Callable
from io import BytesIO

from tagger.images.registry.addresses import Origin
from tagger.images.registry.answers import ConnectionFailed
from tagger.images.registry.faults import Broken, Fault, Late
from tagger.images.registry.messages import Message

__all__ = ["CHUNK", "Response", "TooLarge", "fault_of"]

CHUNK = 64 * 1024  # bytes read from a connection, and sent, at once
UNREAD = 4 * 1024  # bytes of an unneeded body that are read to keep the connection
WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
"""Encodings of content that are undone, though none is asked for, with what zlib calls them."""


class TooLarge(Exception):
    """A response has more bytes than allowed."""


def fault_of(error: Exception) -> Fault:
    """Return the fault for an error while an answer is awaited."""
    if isinstance(error, Fault):
        return error
    fault = Late("no answer in time") if isinstance(error, TimeoutError) else Broken("the connection ended")
    fault.__cause__ = error
    return fault


class Response:
    """A response whose body is unread. `origin` is who answers; `free` takes the connection back, or ends it."""

    def __init__(self, message: Message, origin: Origin, free: Callable[[bool], None]) -> None:
        self.status, self.headers = message.status, message.headers
        self.origin = origin
        self._message, self._free = message, free
        self._ended = False
        self._end_if_over()

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, not decoded; empty at the end. Raise `ConnectionFailed`."""
        try:
            piece = b"" if self._ended else self._message.read(size)
            self._end_if_over()
            return piece
        except (Fault, OSError, ValueError) as error:
            self.close()
            fault = fault_of(error)
            raise ConnectionFailed(self.origin.netloc, fault, sent=fault.sent, lasting=fault.lasting) from error

    def read_whole(self, most: int) -> bytes:
        """Return the body, decoded, and give the connection back. Raise `ConnectionFailed`, `TooLarge`."""
        window = WINDOWS.get(self.headers.get("Content-Encoding").strip().lower())
        body, decoder = BytesIO(), zlib.decompressobj(window) if window else None
        received = 0
        try:
            while piece := self.read(CHUNK):
                received += len(piece)
                body.write(piece if decoder is None else _decode(decoder, piece, most + 1 - body.tell()))
                if max(received, body.tell()) > most:
                    raise TooLarge
            if received and decoder and not decoder.eof:
                raise zlib.error("the end is missing")
        except zlib.error as error:
            self.close()
            broken = Broken("its content cannot be decoded")
            raise ConnectionFailed(self.origin.netloc, broken, sent=True, lasting=False) from error
        except BaseException:
            self.close()  # unread bytes would be read as the next answer
            raise
        return body.getvalue()  # without a copy

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
            self._ended = True
            self._free(False)

    def _end_if_over(self) -> None:
        """Give the connection back once nothing is left to read."""
        message = self._message
        if not self._ended and message.is_over and message.is_read:
            self._ended = True
            self._free(message.keeps and message.is_alone)


def _decode(decoder: "zlib._Decompress", piece: bytes, most: int) -> bytes:
    """Decode a piece, to `most` bytes at most. Raise `zlib.error`, also for anything behind the end of the stream."""
    if decoder.eof:
        raise zlib.error("something comes after the end")
    return decoder.decompress(piece, most)

"""Blobs on their way: read with their digest checked, and gone on with where a connection broke."""

import hashlib
import io
from collections.abc import Callable
from typing import Any, BinaryIO

from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from tagger.errors import StoreError
from tagger.images.manifests import Descriptor

__all__ = ["Checked", "Download"]


class Checked(io.RawIOBase):
    """A stream of one blob that raises `StoreError` instead of handing out the last of bytes that are not it."""

    def __init__(self, source: BinaryIO, descriptor: Descriptor, place: str) -> None:
        self._source = source
        self._descriptor = descriptor
        self._place = place
        self._hash = hashlib.new(descriptor.digest.partition(":")[0])
        self._seen = 0

    def readable(self) -> bool:
        """It is read, and nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes; 0 at the end."""
        left = self._descriptor.size - self._seen
        view = memoryview(buffer)[:left]
        chunk = self._next(len(view)) if left else b""
        view[: len(chunk)] = chunk
        self._hash.update(chunk)
        self._seen += len(chunk)
        if not chunk and self._descriptor.size != self._seen:
            raise self._wrong(f"it ended after {self._seen} of {self._descriptor.size} bytes")
        if self._seen == self._descriptor.size:
            algorithm, _, wanted = self._descriptor.digest.partition(":")
            if self._hash.hexdigest() != wanted:
                raise self._wrong(f"its digest is {algorithm}:{self._hash.hexdigest()}")
        return len(chunk)

    def _next(self, most: int) -> bytes:
        try:
            return self._source.read(most)
        except OSError as error:
            raise StoreError(
                f"blob {self._descriptor.digest} cannot be read: {error.strerror or error}", place=self._place
            ) from error

    def _wrong(self, what: str) -> StoreError:
        return StoreError(
            f"blob {self._descriptor.digest} is not what its digest says: {what}",
            code="DIGEST_INVALID",
            place=self._place,
        )


class Download(io.RawIOBase):
    """A blob read from a registry.

    `begin` opens it from an offset, and raises `StoreError` when it cannot. After a broken connection it is opened
    again where it ended, unless `tries` times in a row brought nothing.
    """

    def __init__(
        self, begin: Callable[[int], BaseHTTPResponse], failed: Callable[[HTTPError], StoreError], tries: int
    ) -> None:
        self._begin = begin
        self._failed = failed
        self._tries = self._left = tries
        self._offset = 0
        self._passed = 0  # bytes of this response that were handed out before
        self._response = begin(0)

    def readable(self) -> bool:
        """It is read, and nothing else."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes; 0 at the end."""
        while True:
            try:
                chunk = self._response.read(len(buffer), decode_content=False)
            except HTTPError as error:
                self._response.close()
                if not self._left:
                    raise self._failed(error) from error
                self._left -= 1
                self._response = self._begin(self._offset)
                self._passed = 0 if self._response.status == 206 else self._offset
                continue
            if self._passed and chunk:
                again = min(self._passed, len(chunk))
                self._passed -= again
                chunk = chunk[again:]
                if not chunk:
                    continue
            memoryview(buffer)[: len(chunk)] = chunk
            self._offset += len(chunk)
            self._left = self._tries if chunk else self._left
            return len(chunk)

    def close(self) -> None:
        """Give the connection back if all was read, else close it."""
        if not self.closed:
            if self._response.closed:
                self._response.release_conn()
            else:
                self._response.close()
        super().close()

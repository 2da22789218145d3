"""Streams of blobs that check the size and the digest."""

import io
from typing import Any, BinaryIO

from tagger.errors import StoreError
from tagger.images.files import disk_hint
from tagger.images.manifests import Descriptor
from tagger.names import Digest

__all__ = ["Checked", "Sized"]


class Sized(io.RawIOBase):
    """A stream of one blob that ends at the size of the blob, and raises `StoreError` when `source` ends before it."""

    def __init__(self, source: BinaryIO, descriptor: Descriptor, place: str) -> None:
        self._source = source
        self._descriptor = descriptor
        self._place = place
        self._left = descriptor.size

    def readable(self) -> bool:
        """Return True: the stream is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes; 0 at the end."""
        view = memoryview(buffer)[: self._left]
        chunk = self._next(len(view)) if self._left else b""
        if self._left and not chunk:
            size = self._descriptor.size
            raise self._wrong(f"it ended after {size - self._left} of {size} bytes")
        view[: len(chunk)] = chunk
        self._left -= len(chunk)
        return len(chunk)

    def _next(self, most: int) -> bytes:
        try:
            return self._source.read(most)
        except OSError as error:
            raise StoreError(
                f"blob {self._descriptor.digest} cannot be read: {error.strerror or error}",
                disk_hint(error),
                place=self._place,
            ) from error

    def _wrong(self, what: str) -> StoreError:
        return StoreError(
            f"blob {self._descriptor.digest} is not what its digest says: {what}",
            "Run again; if the error stays, the stored blob is damaged.",
            code="DIGEST_INVALID",
            place=self._place,
        )


class Checked(Sized):
    """A stream of one blob that raises `StoreError` before its last bytes where they do not match its digest."""

    def __init__(self, source: BinaryIO, descriptor: Descriptor, place: str) -> None:
        super().__init__(source, descriptor, place)
        self._wanted = Digest(descriptor.digest)
        self._hash = self._wanted.hasher()

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes; 0 at the end."""
        size = super().readinto(buffer)
        self._hash.update(memoryview(buffer)[:size])
        if not self._left and self._hash.hexdigest() != self._wanted.encoded:
            raise self._wrong(f"its digest is {self._wanted.algorithm}:{self._hash.hexdigest()}")
        return size

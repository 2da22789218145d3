"""The download of a blob, which continues after a broken connection."""

import io
from collections.abc import Callable
from typing import Any

from tagger.errors import StoreError
from tagger.images.registry.answers import ConnectionFailed
from tagger.images.registry.transport import Response

__all__ = ["Download"]

PROGRESS = 64 * 1024


class Download(io.RawIOBase):
    """The stream of a blob in a registry.

    `first` is the response from the beginning. After a broken connection, `begin` opens the blob again at the offset
    that was reached, unless `tries` attempts in a row gave fewer than `PROGRESS` bytes. `failed` makes the
    `StoreError` then.
    """

    def __init__(
        self,
        first: Response,
        begin: Callable[[int], Response],
        failed: Callable[[ConnectionFailed], StoreError],
        tries: int,
    ) -> None:
        self._begin = begin
        self._failed = failed
        self._tries = self._left = tries
        self._offset = 0
        self._arrived = 0  # bytes that this response gave
        self._passed = 0  # bytes of this response that earlier ones gave already
        self._response = first

    def readable(self) -> bool:
        """Return True: the stream is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes; 0 at the end."""
        while True:
            try:
                chunk = self._response.read(len(buffer))
            except ConnectionFailed as error:
                if not self._left:
                    raise self._failed(error) from error.cause
                self._left -= 1
                self._response = self._begin(self._offset)
                self._arrived = 0
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
            self._arrived += len(chunk)
            self._left = self._tries if self._arrived >= PROGRESS else self._left
            return len(chunk)

    def close(self) -> None:
        """Return the connection to the pool if everything was read, else close it."""
        if not self.closed:
            self._response.close()
        super().close()

"""Open files that several threads read at the same time."""

import errno
import io
import os
import weakref
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from tagger.errors import AGAIN

__all__ = ["CHUNK", "PATIENCE", "OpenFile", "disk_hint"]

CHUNK = 256 * 1024  # bytes read from a file at once
PATIENCE = 1.0  # seconds before a run says that it waits for another program


_HINTS = {
    errno.EACCES: "Let this user read and write there, or name another folder.",
    errno.EPERM: "Let this user read and write there, or name another folder.",
    errno.EROFS: "Mount it for writing, or name another folder.",
    errno.ENOSPC: f"Free some space there. {AGAIN}",
    errno.EDQUOT: f"Free some space there. {AGAIN}",
    errno.EMFILE: "Let the process open more files (`ulimit -n`), or set fewer `jobs`.",
    errno.ENFILE: "Let the machine open more files (fs.file-max), or set fewer `jobs`.",
    errno.EINVAL: "Name a file, a folder of files, or a pipe with an archive.",
    errno.ENAMETOOLONG: "Name a shorter path.",
    errno.ELOOP: "Links there form a circle: name the file or folder that is meant.",
}


def disk_hint(error: OSError) -> str:
    """Return what to do about an error of the file system."""
    return _HINTS.get(error.errno or 0, "Check the folder and its disk, then run the same command again.")


class OpenFile:
    """A file that several threads read at the same time, each at its own position. It closes when nobody needs it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    def unnamed(cls, write: Callable[[BinaryIO], object] | None = None) -> "OpenFile":
        """Make a file without a name; `write` fills it. Raise `OSError`."""
        from tempfile import TemporaryFile  # most runs make none

        with TemporaryFile() as file:
            if write:
                write(cast("BinaryIO", file))
                file.flush()
            return cls(os.dup(file.fileno()))

    def append(self, content: bytes) -> None:
        """Write at the end. Raise `OSError`."""
        while content:
            content = content[os.write(self.descriptor, content) :]

    def section(self, offset: int, size: int) -> BinaryIO:
        """Return a part of the file as a file of its own."""
        return io.BufferedReader(_Section(self, offset, size), CHUNK)

    def whole(self) -> BinaryIO:
        """Return the file from its beginning."""
        return self.section(0, os.fstat(self.descriptor).st_size)


class _Section(io.RawIOBase):
    def __init__(self, file: OpenFile, offset: int, size: int) -> None:
        self._file = file
        self._offset = offset
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: max(0, self._size - self._position)]
        size = os.preadv(self._file.descriptor, [view], self._offset + self._position) if view else 0
        self._position += size
        return size

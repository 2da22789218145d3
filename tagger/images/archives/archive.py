"""Reads a tar archive in place: nothing is extracted, and no name in it becomes a path."""

import gzip
import io
import os
import posixpath
import select
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from tagger.errors import InputError, StoreError
from tagger.images.files import CHUNK, PATIENCE, OpenFile, disk_hint
from tagger.meters import SILENT, Meter

__all__ = ["GZIP", "LARGEST_HEADER", "OTHERS", "ZSTD", "Archive"]

LARGEST_HEADER = 64 * 1024  # a member's long name and attributes
MOST_MEMBERS = 200_000
MOST_LINKS = 8  # links to links; `docker save` writes one
EXPANDS, LEAST_LIMIT = 250, 1 << 30  # an archive that grows more is an attack
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
OTHERS = {
    b"BZh": "bzip2", b"\xfd7zXZ": "xz", ZSTD: "zstd", b"\x04\x22\x4d\x18": "lz4", b"LZIP": "lzip",
    b"\x1f\x9d": "compress", b"7z\xbc\xaf": "7z",
}  # fmt: skip


class _Headers(io.RawIOBase):
    """A file for the tar reader that refuses large reads: it skips members by seeking, and reads only headers."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LARGEST_HEADER:
            raise tarfile.ReadError("a member's header is too large")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


class Archive:
    """The regular files in a tar archive, which may be compressed as a whole with gzip."""

    def __init__(
        self,
        path: Path,
        place: str,
        say: Callable[[str], None] = lambda _: None,
        meter: Callable[[], Meter] = lambda: SILENT,
    ) -> None:
        """`say` gets a sentence while the run waits for a pipe; `meter` returns the meter for unpacking."""
        self.place = place
        self._say, self._meter = say, meter
        with self.translate_errors():
            self._file = self._open(path)
            self._files, self._links = self._members()

    def open(self, name: str) -> BinaryIO:
        """Open a member, and follow links. Raise `FileNotFoundError` when it is not in the archive."""
        name = posixpath.normpath(name)
        for _ in range(MOST_LINKS):
            if name in self._files:
                return self._file.section(*self._files[name])
            if name not in self._links:
                break
            name = self._links[name]
        raise FileNotFoundError(name)

    def read(self, name: str, most: int) -> bytes:
        """Return the content of a small member. Raise `FileNotFoundError`, `StoreError`."""
        with self.open(name) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise self.broken(f"{name} is larger than {most} bytes")
        return content

    def __contains__(self, name: str) -> bool:
        return name in self._files or name in self._links

    def broken(self, message: str) -> StoreError:
        """Return the error of an invalid archive."""
        return StoreError(message, "Save the image again.", code="ARCHIVE_INVALID", place=self.place)

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Turn errors of the file system and of the formats into our errors."""
        try:
            yield
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError) as error:
            raise self.broken(f"the archive cannot be read: {error}") from error
        except RecursionError as error:
            raise self.broken("the archive is nested too deeply") from error
        except OSError as error:
            raise StoreError(f"{error.strerror or error}", disk_hint(error), place=self.place) from error

    def _open(self, path: Path) -> OpenFile:
        file = self._seekable(OpenFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)), path)
        with file.whole() as start:
            magic = start.read(6)
        if magic.startswith(GZIP):
            return OpenFile.unnamed(lambda target: self._decompress(file, target))
        for mark, name in OTHERS.items():
            if magic.startswith(mark):
                raise InputError(f"{self.place} is compressed with {name}", "Decompress it first, or use gzip.")
        return file

    def _seekable(self, file: OpenFile, path: Path) -> OpenFile:
        """Return a file that can seek: the content of a pipe is copied into an unnamed file."""
        mode = os.fstat(file.descriptor).st_mode
        if stat.S_ISREG(mode):
            return file
        if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
            hint = f"Write `oci:{path}`." if (path / "oci-layout").is_file() else "Name an archive."
            raise InputError(f"{self.place}: {path} is neither a file nor a pipe", hint)

        self._wait_for(file)

        def receive(target: BinaryIO) -> None:
            while chunk := os.read(file.descriptor, CHUNK):
                target.write(chunk)

        return OpenFile.unnamed(receive)

    def _wait_for(self, pipe: OpenFile) -> None:
        """Wait until something is written into a pipe, or its writer is gone; say so where that takes long."""
        waiting = select.poll()
        waiting.register(pipe.descriptor, select.POLLIN)
        if not waiting.poll(PATIENCE * 1000):
            self._say(f"{self.place}: waiting until something is written into this pipe")
            waiting.poll()
        os.set_blocking(pipe.descriptor, True)

    def _decompress(self, file: OpenFile, target: BinaryIO) -> None:
        size, meter = os.fstat(file.descriptor).st_size, self._meter()
        most = max(EXPANDS * size, LEAST_LIMIT)
        meter.phase("unpacking the archive")
        with file.whole() as packed, gzip.GzipFile(fileobj=packed) as source:
            while chunk := source.read(CHUNK):
                target.write(chunk)
                meter.advance(self.place, packed.tell(), size)
                if target.tell() > most:
                    raise self.broken(f"the archive grows beyond {most} bytes")

    def _members(self) -> tuple[Mapping[str, tuple[int, int]], Mapping[str, str]]:
        """Return the offset and the size of each file, and the target of each link; the last of equal names counts."""
        files: dict[str, tuple[int, int]] = {}
        links: dict[str, str] = {}
        with self._file.whole() as whole, tarfile.open(fileobj=cast("BinaryIO", _Headers(whole)), mode="r:") as archive:
            while member := archive.next():
                archive.members = []  # type: ignore[attr-defined]  # it would keep them all
                name = posixpath.normpath(member.name)
                if member.size < 0:
                    raise self.broken(f"{name} has a negative size")
                if len(files) + len(links) >= MOST_MEMBERS:
                    raise self.broken(f"the archive has more than {MOST_MEMBERS} members")
                if member.issym():
                    links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
                elif member.islnk():
                    links[name] = posixpath.normpath(member.linkname)
                elif member.isreg() and not member.issparse():
                    files[name] = (member.offset_data, member.size)
        return files, links

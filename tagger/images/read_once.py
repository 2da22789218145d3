"""Content that is read once and copied to several repositories."""

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, TypeVar, cast

from tagger.errors import StoreError
from tagger.images.copying import TaggedContent
from tagger.images.files import CHUNK, OpenFile
from tagger.images.manifests import Descriptor, Manifest
from tagger.images.stores import Content

__all__ = ["ReadOnce"]

Result = TypeVar("Result")


class ReadOnce:
    """Content that is read once, although it is copied to several repositories at the same time.

    A blob is written into a file without a name, and every reader reads that file. The reader that is furthest fetches
    the next part. So the image is on disk, and not in memory, while this object exists.
    """

    def __init__(self, content: TaggedContent) -> None:
        self.place = content.place
        self.repository = content.repository
        self._content = content
        self._lock = threading.Lock()
        self._locks: dict[object, threading.Lock] = {}
        self._answers: dict[object, Any] = {}
        self._blobs: dict[str, _Arriving] = {}

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest under a tag or a digest. Raise `NotFound`, `StoreError`."""
        return self._once(("manifest", reference), lambda: self._content.manifest(reference))

    @contextmanager
    def blob(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Open a blob for reading, from its beginning. Raise `NotFound`, `StoreError`."""
        with self._lock:
            arriving = self._blobs.get(descriptor.digest)
            if arriving is None or arriving.failure:
                arriving = self._blobs[descriptor.digest] = _Arriving(self._content, descriptor)
        yield cast("BinaryIO", _Reader(arriving))

    def referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts attached to a manifest."""
        return self._once(("referrers", digest), lambda: self._content.referrers(digest))

    def digests(self, tags: Collection[str]) -> Mapping[str, str | None]:
        """Read the digest under each of `tags`; None where there is no such tag."""
        return self._once(("digests", *tags), lambda: self._content.digests(tags))

    def _once(self, question: object, ask: Callable[[], Result]) -> Result:
        with self._lock:
            lock = self._locks.setdefault(question, threading.Lock())
        with lock:
            if question not in self._answers:
                self._answers[question] = ask()
            answer: Result = self._answers[question]
            return answer


class _Arriving:
    """A blob that is being fetched into a file."""

    def __init__(self, content: Content, descriptor: Descriptor) -> None:
        self.failure: BaseException | None = None
        with _keeping():
            self._file = OpenFile.unnamed()
        self._lock = threading.Lock()
        self._opened = ExitStack()
        self._source = content.blob(descriptor)
        self._stream: BinaryIO | None = None
        self._arrived = 0
        self._complete = False

    def read(self, position: int, size: int) -> bytes:
        """Return up to `size` bytes from `position`, and wait for them if needed; none at the end."""
        if position >= self._arrived:
            with self._lock:
                if self.failure:
                    raise self.failure
                if position >= self._arrived and not self._complete:
                    self._fetch()
        return os.pread(self._file.descriptor, size, position)

    def _fetch(self) -> None:
        try:
            self._stream = self._stream or self._opened.enter_context(self._source)
            chunk = self._stream.read(CHUNK)
            with _keeping():
                self._file.append(chunk)
        except BaseException as error:
            self.failure = error
            self._opened.close()
            raise
        self._arrived += len(chunk)
        if not chunk:
            self._complete = True
            self._opened.close()


@contextmanager
def _keeping() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the image cannot be kept on disk for the other repositories: {error.strerror or error}",
            "Set TMPDIR to a directory on a disk with enough space for the image.",
        ) from error


class _Reader:
    def __init__(self, arriving: _Arriving) -> None:
        self._arriving = arriving
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        part = self._arriving.read(self._position, size)
        self._position += len(part)
        return part

"""Reads manifests and configs from the stream of `docker save`."""

import io
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, cast

from tagger.errors import EngineError
from tagger.images.layout import INDEX_FILE, Index, LayoutContent
from tagger.images.manifests import Descriptor, Manifest
from tagger.names import Digest

__all__ = ["Documents", "config_in"]

LARGEST_DOCUMENT = 4 * 1024 * 1024  # a manifest or a config of an image in the engine


class Documents(LayoutContent):
    """The manifests and configs in a stream of `docker save` from containerd's store, which is an OCI layout.

    Before version 28 the engine's API has no other way to see more than one platform. Layers are read and dropped.
    """

    def __init__(self, place: str, stream: Iterator[bytes]) -> None:
        super().__init__()
        self.place = place
        self._contents: dict[str, bytes] = {}
        self._names: set[str] = set()
        try:
            for name, content in _members(stream):
                self._names.add(name)
                if content:
                    self._contents[name] = content
            self._index = Index.parse(self._contents[INDEX_FILE])
        except (tarfile.TarError, KeyError, ValueError) as error:
            raise EngineError(
                f"the engine saved {place}, but not as an OCI layout: {error}", "Build the image again."
            ) from error

    def index(self) -> Index:
        """Return the index."""
        return self._index

    def open_blob(self, digest: str) -> BinaryIO:
        """Open a manifest or a config. Raise `FileNotFoundError`."""
        try:
            return io.BytesIO(self._contents[_member(digest)])
        except KeyError as error:
            raise FileNotFoundError(digest) from error

    def whole(self, digest: str) -> Manifest:
        """Return the image's manifest. Raise `EngineError` where the engine lacks a part of the image.

        Without this check a push fails half way, with "missing content".
        """
        root = self.manifest(digest)
        lost = next(self._missing_parts(root), None)
        if lost:
            raise EngineError(
                f"{self.place} lacks a part: {lost.platform or lost.media_type} is missing ({lost.digest})",
                "Build or pull every platform (`docker pull` pulls only one), or release from the registry that the "
                "image came from: source docker://NAME@DIGEST.",
                code="MISSING_PLATFORM",
            )
        return root

    def _missing_parts(self, manifest: Manifest) -> Iterator[Descriptor]:
        for part in manifest.children() + manifest.blobs():
            if _member(part.digest) not in self._names:
                if not part.urls:  # layers that may not be redistributed
                    yield part
            elif manifest.is_index:
                yield from self._missing_parts(self.manifest(part.digest))


def config_in(stream: Iterator[bytes], digest: str) -> bytes | None:
    """Return the config with this digest from a stream of `docker save`, of any form; None where it has none.

    The stream is read to its end, so that its connection can be used again.
    """
    found = None
    with suppress(tarfile.TarError):
        for _, content in _members(stream):
            if content and Digest.of(content) == digest:
                found = content
    return found


def _members(stream: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield the name of each file with its content where that is a document, else with no bytes. Raise `TarError`."""
    with tarfile.open(fileobj=cast("BinaryIO", _Stream(stream)), mode="r|") as archive:
        for member in archive:
            small = member.isreg() and member.size <= LARGEST_DOCUMENT
            file = archive.extractfile(member) if small else None
            content = file.read() if file else b""
            yield member.name, content if content.startswith(b"{") else b""


class _Stream(io.RawIOBase):
    """A file that is read once, from chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        parts, missing = [], size
        while missing and (self._rest or (chunk := next(self._chunks, b""))):
            chunk = self._rest or chunk
            parts.append(chunk[:missing])
            self._rest = chunk[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)


def _member(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"

"""Images in archives, read where they lie: a layout in a tar file, and what `docker save` writes.

Nothing is extracted: a member's name is only ever looked up, never made a path.
"""

import gzip
import hashlib
import io
import json
import os
import posixpath
import stat
import tarfile
import threading
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from tagger.concurrency import run_all
from tagger.errors import InputError, NotFound, StoreError
from tagger.images.blobs import Checked
from tagger.images.configs import parse_config
from tagger.images.files import CHUNK, OpenFile
from tagger.images.layout import INDEX_FILE, LARGEST_INDEX, LAYOUT_FILE, Index, LayoutContent
from tagger.images.manifests import OCI_CONFIG, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, OCI_MANIFEST, Descriptor, Manifest
from tagger.names import Repository, check_digest

__all__ = ["Archive", "DockerImage", "LayoutArchive", "SavedImage", "saved_images"]

DOCKER_FILE = "manifest.json"
LARGEST_HEADER = 64 * 1024  # a member's long name and attributes
LARGEST_CONFIG = 16 * 1024 * 1024
MOST_MEMBERS = 200_000
MOST_LINKS = 8  # links to links; `docker save` writes one
MOST_LAYERS = 1000  # the engine allows 127
EXPANDS, LEAST_LIMIT = 250, 1 << 30  # a whole archive that grows more, and beyond a gigabyte, is made to fill the disk
GZIP_LEVEL = 6
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", ZSTD: "zstd"}


class _Headers(io.RawIOBase):
    """What the tar reader is given: members are skipped by seeking, so a large read is a header made to fill memory."""

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

    def __init__(self, path: Path, place: str) -> None:
        self.place = place
        with self.translated():
            self._file = self._opened(path)
            self._files, self._links = self._members()

    def open(self, name: str) -> BinaryIO:
        """Open a member, by links where it is one. Raise `FileNotFoundError` when it is not in the archive."""
        name = posixpath.normpath(name)
        for _ in range(MOST_LINKS):
            if name in self._files:
                return self._file.stretch(*self._files[name])
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
        """Return the error of an archive that is not what it should be."""
        return StoreError(message, "Save the image again.", code="ARCHIVE_INVALID", place=self.place)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise our errors for those of the file system and of the formats."""
        try:
            yield
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError) as error:
            raise self.broken(f"the archive cannot be read: {error}") from error
        except RecursionError as error:
            raise self.broken("the archive is nested too deeply") from error
        except OSError as error:
            raise StoreError(f"{error.strerror or error}", place=self.place) from error

    def _opened(self, path: Path) -> OpenFile:
        file = self._kept(OpenFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC)), path)
        with file.whole() as start:
            magic = start.read(6)
        if magic.startswith(GZIP):
            return OpenFile.unnamed(lambda target: self._decompress(file, target))
        for mark, name in OTHERS.items():
            if magic.startswith(mark):
                raise InputError(f"{self.place} is compressed with {name}", "Decompress it first, or use gzip.")
        return file

    def _kept(self, file: OpenFile, path: Path) -> OpenFile:
        """Return a file that can be read from any place: what comes through a pipe is kept without a name."""
        mode = os.fstat(file.descriptor).st_mode
        if stat.S_ISREG(mode):
            return file
        if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
            raise InputError(f"{self.place}: {path} is neither a file nor a pipe", "Name an archive.")

        def receive(target: BinaryIO) -> None:
            while chunk := os.read(file.descriptor, CHUNK):
                target.write(chunk)

        return OpenFile.unnamed(receive)

    def _decompress(self, file: OpenFile, target: BinaryIO) -> None:
        most = max(EXPANDS * os.fstat(file.descriptor).st_size, LEAST_LIMIT)
        with file.whole() as packed, gzip.GzipFile(fileobj=packed) as source:
            while chunk := source.read(CHUNK):
                target.write(chunk)
                if target.tell() > most:
                    raise self.broken(f"the archive grows beyond {most} bytes")

    def _members(self) -> tuple[Mapping[str, tuple[int, int]], Mapping[str, str]]:
        """Return where each file lies, offset and size, and where each link points; the last of a name counts."""
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


class LayoutArchive(LayoutContent):
    """An OCI image layout in a tar archive."""

    def __init__(self, archive: Archive) -> None:
        super().__init__()
        self.place = archive.place
        self._archive = archive

    def index(self) -> Index:
        """Return the index. Raise `StoreError`."""
        return self._index

    @cached_property
    def _index(self) -> Index:
        try:
            return Index.parse(self._archive.read(INDEX_FILE, LARGEST_INDEX))
        except FileNotFoundError as error:
            raise self._archive.broken(f"it has no {INDEX_FILE}") from error
        except (ValueError, RecursionError) as error:
            raise self._archive.broken(f"{INDEX_FILE} cannot be read: {error}") from error

    def open_blob(self, digest: str) -> BinaryIO:
        """Open what is stored under a digest. Raise `FileNotFoundError`."""
        return self._archive.open(f"blobs/{check_digest(digest).replace(':', '/')}")


class SavedImage(NamedTuple):
    """What `manifest.json` of `docker save` says of one image: its names, and the members it is made of."""

    names: tuple[str, ...]
    config: str
    layers: tuple[str, ...]

    @property
    def config_name(self) -> str:
        """The name of its config without folders and ending: the digits of its digest."""
        return posixpath.basename(self.config).removesuffix(".json")


def saved_images(archive: Archive) -> Sequence[SavedImage]:
    """Return the images that `docker save` lists. Raise `StoreError`."""
    try:
        document = json.loads(archive.read(DOCKER_FILE, LARGEST_CONFIG))
        return [
            SavedImage(_texts(entry.get("RepoTags") or []), _text(entry["Config"]), _texts(entry["Layers"] or []))
            for entry in document
        ]
    except FileNotFoundError as error:
        raise archive.broken(f"it has neither {DOCKER_FILE} nor {LAYOUT_FILE}") from error
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise archive.broken(f"{DOCKER_FILE} is not what `docker save` writes") from error


class _Layer(NamedTuple):
    descriptor: Descriptor
    open: Callable[[], BinaryIO]


class DockerImage:
    """An image as `docker save` wrote it before version 25: a config and uncompressed layers, without a manifest.

    It is known by the digest of its config. The manifest that is made of it has the config's bytes as they are, and
    layers compressed with fixed parameters, so the same archive makes the same manifest.
    """

    repository: Repository | None = None

    def __init__(self, archive: Archive, saved: SavedImage) -> None:
        self.place = archive.place
        self._archive = archive
        self._saved = saved
        self._lock = threading.Lock()
        try:
            self._content = archive.read(saved.config, LARGEST_CONFIG)
        except FileNotFoundError as error:
            raise archive.broken(f"the config {saved.config} is missing") from error
        self.config = parse_config(self._content)
        named = saved.config_name
        if len(named) == 64 and self.config.digest != f"sha256:{named}":
            raise archive.broken(f"the config {saved.config} has other bytes than its name says")
        if len(saved.layers) != len(self.config.diff_ids) or len(saved.layers) > MOST_LAYERS:
            raise archive.broken(f"{len(saved.layers)} layers are saved, {len(self.config.diff_ids)} are in the config")

    def made(self) -> Manifest:
        """Make the image's manifest, which compresses its layers the first time. Raise `StoreError`."""
        layers = self._layers()
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": Descriptor(OCI_CONFIG, self.config.digest, len(self._content)).to_json(),
            "layers": [layers[diff_id].descriptor.to_json() for diff_id in self.config.diff_ids],
        }
        return Manifest(OCI_MANIFEST, json.dumps(document, separators=(",", ":")).encode())

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest, which is known by its digest alone. Raise `NotFound`, `StoreError`."""
        manifest = self.made()
        if manifest.digest != reference:
            raise NotFound(f"there is no {reference}", code="MANIFEST_UNKNOWN", place=self.place)
        return manifest

    @contextmanager
    def blob(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Open the config or a layer; it is checked on the way. Raise `NotFound`, `StoreError`."""
        blobs = {layer.descriptor.digest: layer.open for layer in self._layers().values()}
        blobs[self.config.digest] = lambda: io.BytesIO(self._content)
        if descriptor.digest not in blobs:
            raise NotFound(f"blob {descriptor.digest} is missing", code="BLOB_UNKNOWN", place=self.place)
        with blobs[descriptor.digest]() as file:
            yield io.BufferedReader(Checked(file, descriptor, self.place), CHUNK)

    def referrers(self, digest: str) -> Sequence[Descriptor]:  # noqa: ARG002
        """Return nothing: `docker save` saves no artifacts."""
        return ()

    def digests(self, tags: Collection[str]) -> Mapping[str, str | None]:
        """Return nothing: the names in the archive are no tags of a repository."""
        return dict.fromkeys(tags)

    def _layers(self) -> Mapping[str, _Layer]:
        """Return the layers by their diff_id; they are compressed once, as many at a time as there are processors."""
        with self._lock:
            return self._compressed

    @cached_property
    def _compressed(self) -> Mapping[str, _Layer]:
        names = dict(zip(self.config.diff_ids, self._saved.layers, strict=True))
        with self._archive.translated():
            layers = run_all(lambda pair: self._layer(*pair), list(names.items()), os.cpu_count() or 1)
        return dict(zip(names, layers, strict=True))

    def _layer(self, diff_id: str, name: str) -> _Layer:
        member = partial(self._archive.open, name)
        try:
            with member() as file:
                magic = file.read(6)
        except FileNotFoundError as error:
            raise self._archive.broken(f"layer {name} is missing") from error
        for mark, other in OTHERS.items():
            if magic.startswith(mark) and mark != ZSTD:
                raise InputError(
                    f"{self.place}: layer {name} is compressed with {other}", "Save it plain, or with gzip or zstd."
                )
        # As other programs than docker write them: what is compressed already stays as it is.
        compressed = magic.startswith((GZIP, ZSTD))
        opener = member if compressed else OpenFile.unnamed(partial(_compress, member)).whole
        with opener() as packed:
            digest, size = _hashed(packed)
        with opener() as packed, _plain(packed, magic) as plain:
            if _hashed(plain)[0] != diff_id:
                raise self._archive.broken(f"layer {name} has other bytes than the config says, {diff_id}")
        kind = OCI_LAYER_ZSTD if magic.startswith(ZSTD) else OCI_LAYER_GZIP
        return _Layer(Descriptor(kind, digest, size), opener)


def _plain(packed: BinaryIO, magic: bytes) -> BinaryIO:
    """Return a layer as it was before it was compressed."""
    if magic.startswith(ZSTD):
        from backports import zstd  # PEP 784; Python has it as compression.zstd from 3.14 on

        return cast("BinaryIO", zstd.ZstdFile(packed))
    return cast("BinaryIO", gzip.GzipFile(fileobj=packed))


def _compress(opener: Callable[[], BinaryIO], target: BinaryIO) -> None:
    """Write what `opener` opens to `target`, compressed with gzip: no name, no time, always the same level."""
    compressor = zlib.compressobj(GZIP_LEVEL, wbits=31)
    with opener() as source:
        while chunk := source.read(CHUNK):
            target.write(compressor.compress(chunk))
    target.write(compressor.flush())


def _hashed(file: BinaryIO) -> tuple[str, int]:
    """Return the digest and the size of a stream."""
    hashed, size = hashlib.sha256(), 0
    while chunk := file.read(CHUNK):
        hashed.update(chunk)
        size += len(chunk)
    return f"sha256:{hashed.hexdigest()}", size


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)

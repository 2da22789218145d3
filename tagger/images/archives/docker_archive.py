"""Images in archives of `docker save` before version 25: a config and layers, from which a manifest is made."""

import gzip
import hashlib
import io
import json
import os
import posixpath
import threading
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any, BinaryIO, NamedTuple, cast

from tagger.concurrency import run_all
from tagger.errors import InputError, NotFound
from tagger.images.archives.archive import GZIP, OTHERS, ZSTD, Archive
from tagger.images.blobs import Checked
from tagger.images.configs import LARGEST_CONFIG, parse_config
from tagger.images.files import CHUNK, OpenFile
from tagger.images.layout import LAYOUT_FILE
from tagger.images.manifests import OCI_CONFIG, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, OCI_MANIFEST, Descriptor, Manifest
from tagger.meters import SILENT, Meter
from tagger.names import Repository

__all__ = ["DockerImage", "SavedImage", "saved_images"]

DOCKER_FILE = "manifest.json"
MOST_LAYERS = 1000  # the engine allows 127
LARGEST_LIST = 16 * 1024 * 1024  # of the images in an archive
GZIP_LEVEL = 6


class SavedImage(NamedTuple):
    """One image in `manifest.json` of `docker save`: its names, and the archive members of its config and layers."""

    names: tuple[str, ...]
    config: str
    layers: tuple[str, ...]

    @property
    def config_name(self) -> str:
        """The file name of its config without `.json`: the digits of the config's digest."""
        return posixpath.basename(self.config).removesuffix(".json")


def saved_images(archive: Archive) -> Sequence[SavedImage]:
    """Return the images that `docker save` lists. Raise `StoreError`."""
    try:
        document = json.loads(archive.read(DOCKER_FILE, LARGEST_LIST))
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
    """An image of `docker save` before version 25: a config and uncompressed layers, without a manifest.

    Its identity is the digest of its config. The manifest made from it keeps the bytes of the config, and compresses
    the layers with fixed parameters, so that the same archive always gives the same manifest.
    """

    repository: Repository | None = None

    def __init__(self, archive: Archive, saved: SavedImage) -> None:
        self.place = archive.place
        self._archive = archive
        self._saved = saved
        self.watcher: Meter = SILENT
        self._lock = threading.Lock()
        try:
            self._content = archive.read(saved.config, LARGEST_CONFIG)
        except FileNotFoundError as error:
            raise archive.broken(f"the config {saved.config} is missing") from error
        self.config = parse_config(self._content)
        named = saved.config_name
        if len(named) == 64 and self.config.digest != f"sha256:{named}":
            raise archive.broken(f"the config {saved.config} does not match the digest in its name")
        if len(saved.layers) != len(self.config.diff_ids) or len(saved.layers) > MOST_LAYERS:
            raise archive.broken(f"{len(saved.layers)} layers are saved, {len(self.config.diff_ids)} are in the config")

    def to_manifest(self) -> Manifest:
        """Return the image's manifest. The first call compresses the layers. Raise `StoreError`."""
        layers = self._layers()
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": Descriptor(OCI_CONFIG, self.config.digest, len(self._content)).to_json(),
            "layers": [layers[diff_id].descriptor.to_json() for diff_id in self.config.diff_ids],
        }
        return Manifest(OCI_MANIFEST, json.dumps(document, separators=(",", ":")).encode())

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest, given its digest. Raise `NotFound` for any other reference, `StoreError`."""
        manifest = self.to_manifest()
        if manifest.digest != reference:
            raise NotFound(f"there is no {reference}", code="MANIFEST_UNKNOWN", place=self.place)
        return manifest

    @contextmanager
    def blob(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Open the config or a layer as a stream that checks its digest. Raise `NotFound`, `StoreError`."""
        blobs = {layer.descriptor.digest: layer.open for layer in self._layers().values()}
        blobs[self.config.digest] = lambda: io.BytesIO(self._content)
        if descriptor.digest not in blobs:
            raise NotFound(f"blob {descriptor.digest} is missing", code="BLOB_UNKNOWN", place=self.place)
        with blobs[descriptor.digest]() as file:
            yield io.BufferedReader(Checked(file, descriptor, self.place), CHUNK)

    def referrers(self, digest: str) -> Sequence[Descriptor]:  # noqa: ARG002
        """Return no artifacts: `docker save` does not save any."""
        return ()

    def digests(self, tags: Collection[str]) -> Mapping[str, str | None]:
        """Return None for each tag: the names in the archive are no tags of a repository."""
        return dict.fromkeys(tags)

    def _layers(self) -> Mapping[str, _Layer]:
        """Return the layers by their diff_id. They are compressed once, as many at a time as there are processors."""
        with self._lock:
            return self._compressed

    @cached_property
    def _compressed(self) -> Mapping[str, _Layer]:
        names = dict(zip(self.config.diff_ids, self._saved.layers, strict=True))
        with self._archive.translate_errors():
            layers = run_all(lambda pair: self._layer(*pair), list(names.items()), os.cpu_count() or 1)
        return dict(zip(names, layers, strict=True))

    def _layer(self, diff_id: str, name: str) -> _Layer:
        member = partial(self._archive.open, name)
        try:
            with member() as file:
                magic, size = file.read(6), file.seek(0, os.SEEK_END)
        except FileNotFoundError as error:
            raise self._archive.broken(f"layer {name} is missing") from error
        for mark, other in OTHERS.items():
            if magic.startswith(mark) and mark != ZSTD:
                raise InputError(
                    f"{self.place}: layer {name} is compressed with {other}",
                    "Save it uncompressed, or with gzip or zstd.",
                )

        def tell(done: int) -> None:
            self.watcher.advance(diff_id, done, size)

        # Other programs than docker write compressed layers, which stay as they are.
        compressed = magic.startswith((GZIP, ZSTD))
        opener = member if compressed else OpenFile.unnamed(partial(_compress, member, tell)).whole
        with opener() as packed:
            digest, size = _hash(packed)
        with opener() as packed, _decompress(packed, magic) as plain:
            if _hash(plain)[0] != diff_id:
                raise self._archive.broken(f"layer {name} does not match its digest in the config, {diff_id}")
        kind = OCI_LAYER_ZSTD if magic.startswith(ZSTD) else OCI_LAYER_GZIP
        return _Layer(Descriptor(kind, digest, size), opener)


def _decompress(packed: BinaryIO, magic: bytes) -> BinaryIO:
    """Return the stream of a compressed layer, decompressed."""
    if magic.startswith(ZSTD):
        from backports import zstd  # PEP 784; Python has it as compression.zstd from 3.14 on

        return cast("BinaryIO", zstd.ZstdFile(packed))
    return cast("BinaryIO", gzip.GzipFile(fileobj=packed))


def _compress(opener: Callable[[], BinaryIO], tell: Callable[[int], None], target: BinaryIO) -> None:
    """Write the stream of `opener` to `target`, compressed with gzip: without name and time, always with one level.

    `tell` is called with the number of bytes that were read so far.
    """
    compressor, done = zlib.compressobj(GZIP_LEVEL, wbits=31), 0
    with opener() as source:
        while chunk := source.read(CHUNK):
            done += len(chunk)
            tell(done)
            target.write(compressor.compress(chunk))
    target.write(compressor.flush())


def _hash(file: BinaryIO) -> tuple[str, int]:
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

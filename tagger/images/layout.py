"""An OCI image layout on disk (image-spec, image-layout.md), as a repository in which tags stand."""

import errno
import fcntl
import io
import json
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from tagger.errors import InputError, NotFound, StoreError
from tagger.images.blobs import Checked
from tagger.images.files import CHUNK, OpenFile
from tagger.images.manifests import (
    MANIFEST_TYPES,
    OCI_INDEX,
    Descriptor,
    Manifest,
    artifact_type_of,
    manifest_type,
)
from tagger.images.stores import Abilities, Opener, Survey
from tagger.names import DIGEST, TAG, Digest, Repository, check_digest, check_tag
from tagger.workspace import read_regular

__all__ = ["INDEX_FILE", "LARGEST_INDEX", "LAYOUT_FILE", "REF_NAME", "Index", "Layout", "LayoutContent"]

REF_NAME = "org.opencontainers.image.ref.name"
LAYOUT_FILE = "oci-layout"
INDEX_FILE = "index.json"
LAYOUT_VERSION = "1.0.0"
UNFINISHED = ".tagger-"
"""What the names of files begin with that are still being written; a killed writer leaves them to the next one."""

LARGEST_MANIFEST = 4 * 1024 * 1024  # what registries take (distribution-spec, "Pushing manifests")
LARGEST_LAYOUT_FILE = 64 * 1024
PATIENCE = 1.0  # seconds before a run says that it waits for a lock
LARGEST_INDEX = 256 * 1024 * 1024  # some 800,000 tags


class Entry(NamedTuple):
    """An entry of an index: as it is written, what it describes, and its tag, None where its name is none."""

    written: Mapping[str, Any]
    descriptor: Descriptor
    tag: str | None

    @classmethod
    def parse(cls, written: Mapping[str, Any]) -> "Entry":
        """Read an entry. `docker save` and podman write names that are no tags. Raise what a wrong value raises."""
        descriptor = Descriptor.from_json(written)
        name = descriptor.annotations.get(REF_NAME)
        return cls(written, descriptor, name if isinstance(name, str) and TAG.fullmatch(name) else None)

    @classmethod
    def of(cls, descriptor: Descriptor, tag: str | None = None) -> "Entry":
        """Make the entry of a tag; without one, that of an image that only its digest names."""
        named = descriptor._replace(annotations={REF_NAME: tag} if tag else {})
        return cls(named.to_json(), named, tag)


class Index:
    """The content of an `index.json`: its entries as they stand, whoever wrote them, and whatever else is in it."""

    def __init__(self, document: Mapping[str, Any], entries: tuple[Entry, ...] = ()) -> None:
        self.document = document
        self.entries = entries

    @classmethod
    def parse(cls, content: bytes) -> "Index":
        """Read an index. Raise `ValueError` when it is none."""
        try:
            document = json.loads(content)
            return cls(document, tuple(map(Entry.parse, document.get("manifests") or ())))
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("it is not an index") from error

    @cached_property
    def tags(self) -> Mapping[str, Descriptor]:
        """What stands under each tag: the first entry of that name, as skopeo reads it."""
        return {entry.tag: entry.descriptor for entry in reversed(self.entries) if entry.tag is not None}

    @cached_property
    def roots(self) -> Mapping[str, Descriptor]:
        """Every manifest that an entry names, by its digest."""
        return {entry.descriptor.digest: entry.descriptor for entry in self.entries}

    def pointed(self, descriptor: Descriptor, tags: Collection[str]) -> "Index":
        """Return this index with `tags` at `descriptor`.

        An entry that is already right is left as it is, and all others keep their order. The image that a tag
        leaves keeps an entry without a name when it had no other: a registry keeps it too, under its digest.
        """
        held = self.tags
        moving = {tag: None for tag in tags if tag not in held or held[tag].digest != descriptor.digest}
        if not moving:
            return self
        bare, entries = Entry.of(descriptor), []
        waiting = dict(moving)
        for entry in self.entries:
            if entry.tag not in moving:
                entries.append(entry)
            elif entry.tag in waiting:
                del waiting[entry.tag]
                entries.append(Entry.of(descriptor, entry.tag))
        entries += [Entry.of(descriptor, tag) for tag in waiting]
        return self._keeping_roots([entry for entry in entries if entry.written != bare.written])

    def listing(self, descriptor: Descriptor) -> "Index":
        """Return this index with an entry for a manifest, which needs no name."""
        return self if descriptor.digest in self.roots else self._with([*self.entries, Entry.of(descriptor)])

    def untagged(self, tag: str) -> "Index":
        """Return this index without `tag`; the image stays, under its digest."""
        return self._keeping_roots([entry for entry in self.entries if entry.tag != tag])

    def without(self, digest: str) -> "Index":
        """Return this index without any entry for `digest`."""
        return self._with([entry for entry in self.entries if entry.descriptor.digest != digest])

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        document = {**self.document, "manifests": [entry.written for entry in self.entries]}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    def _with(self, entries: Sequence[Entry]) -> "Index":
        return Index(self.document, tuple(entries))

    def _keeping_roots(self, entries: Sequence[Entry]) -> "Index":
        kept = {entry.descriptor.digest for entry in entries}
        return self._with([*entries, *(Entry.of(root) for digest, root in self.roots.items() if digest not in kept)])


EMPTY = Index({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []})


class LayoutContent:
    """What is read of a layout, wherever it lies: in a directory, or in an archive."""

    place: str
    repository: Repository | None = None

    def __init__(self) -> None:
        self._subjects: dict[str, str | None] = {}

    def index(self) -> Index:
        """Return what the index holds now. Raise `InputError`, `StoreError`."""
        raise NotImplementedError

    def open_blob(self, digest: str) -> BinaryIO:
        """Open what is stored under a digest. Raise `FileNotFoundError`, `StoreError`."""
        raise NotImplementedError

    def digests(self, tags: Collection[str]) -> Mapping[str, str | None]:
        """Read the digest under each of `tags`; None where there is no such tag."""
        index = self.index()
        return {tag: found.digest if (found := index.tags.get(tag)) else None for tag in tags}

    def manifest(self, reference: str) -> Manifest:
        """Return the manifest under a tag or a digest, verified. Raise `NotFound`, `StoreError`."""
        index = self.index()
        if DIGEST.fullmatch(reference):
            descriptor = index.roots.get(reference) or Descriptor("", reference, -1)
        else:
            found = index.tags.get(check_tag(reference))
            if found is None:
                raise NotFound(f"there is no tag {reference}", code="MANIFEST_UNKNOWN", place=self.place)
            descriptor = found
        return self._manifest(descriptor.digest, descriptor.media_type)

    @contextmanager
    def blob(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Open a blob for reading; it is checked on the way. Raise `NotFound`, `StoreError`."""
        try:
            file = self.open_blob(descriptor.digest)
        except FileNotFoundError as error:
            raise NotFound(f"blob {descriptor.digest} is missing", code="BLOB_UNKNOWN", place=self.place) from error
        with file:
            yield io.BufferedReader(Checked(file, descriptor, self.place), CHUNK)

    def referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts attached to a manifest: those that an entry names, and those of the tag fallback."""
        index = self.index()
        found: dict[str, Descriptor] = {}
        for root in index.roots.values():
            if self._subject(root) == digest:
                found[root.digest] = attached(self._manifest(root.digest, root.media_type))
        fallback = index.tags.get(check_digest(digest).tag)
        if fallback is not None:
            listed = self._manifest(fallback.digest, fallback.media_type).children()
            found = {descriptor.digest: descriptor for descriptor in listed} | found
        return tuple(found.values())

    def _subject(self, root: Descriptor) -> str | None:
        """Return what a manifest is attached to; None of one that cannot be read, as it is no concern of others."""
        if root.media_type in MANIFEST_TYPES and root.digest not in self._subjects:
            subject = None
            with suppress(StoreError):
                subject = self._manifest(root.digest, root.media_type).subject()
            self._subjects[root.digest] = subject.digest if subject else None
        return self._subjects.get(root.digest)

    def _manifest(self, digest: str, media_type: str) -> Manifest:
        try:
            with self.open_blob(digest) as file:
                content = file.read(LARGEST_MANIFEST + 1)
        except FileNotFoundError as error:
            raise NotFound(f"manifest {digest} is missing", code="MANIFEST_UNKNOWN", place=self.place) from error
        if len(content) > LARGEST_MANIFEST:
            raise self._broken(f"manifest {digest} is larger than {LARGEST_MANIFEST} bytes")
        named = Digest(digest)
        if not named.fits(content):
            raise self._broken(f"manifest {digest} has other bytes than its digest says")
        return Manifest(manifest_type(content, media_type), content, named.algorithm)

    def _broken(self, message: str) -> StoreError:
        return StoreError(message, "Make the layout anew, or repair it.", code="LAYOUT_INVALID", place=self.place)


class _Seen(NamedTuple):
    """An index, and the file that it was read from: as long as it is open, no other gets its number."""

    file: OpenFile
    stamp: tuple[int, ...]
    content: Index


class Layout(LayoutContent):
    """An OCI image layout in a directory that need not exist yet.

    Every file is written beside its place and renamed into it, blobs before the index that names them, so whoever
    reads sees a whole layout at every moment. Writers take turns by a lock on the directory itself (flock).
    """

    jobs = 1

    def __init__(self, path: str | Path, say: Callable[[str], None] = lambda _: None) -> None:
        """`say` tells a person that a lock is waited for."""
        super().__init__()
        self._say = say
        if not str(path) or "\0" in str(path):
            raise InputError(f"{str(path)!r} is not a directory", "Write oci:DIR, as in oci:build/demo.")
        self.path = Path(path)
        self.place = f"oci:{path}"
        self._stopped = False
        self._seen: _Seen | None = None

    def __repr__(self) -> str:
        return f"Layout({str(self.path)!r})"

    def stop(self) -> None:
        """Refuse to write from now on; what is under way ends."""
        self._stopped = True

    # Reading

    def index(self) -> Index:
        """Return what the index holds now; nothing where there is no layout yet. Raise `InputError`, `StoreError`."""
        with self._translated():
            path = self.path / INDEX_FILE
            try:
                stamp = _stamp(path.stat())
            except (FileNotFoundError, NotADirectoryError):
                self._check_ours()
                return EMPTY
            if self._seen and self._seen.stamp == stamp:
                return self._seen.content
            self._check_ours()
            file = OpenFile(_opened(path))
            stamp = _stamp(os.fstat(file.descriptor))
            with file.whole() as whole:
                content = whole.read(LARGEST_INDEX + 1)
        if len(content) > LARGEST_INDEX:
            raise self._broken(f"{INDEX_FILE} is larger than {LARGEST_INDEX} bytes")
        try:
            self._seen = _Seen(file, stamp, Index.parse(content))
        except ValueError as error:
            raise self._broken(f"{INDEX_FILE} cannot be read: {error}") from error
        return self._seen.content

    def exists(self) -> bool:
        """Say whether there is a layout in the directory."""
        return (self.path / INDEX_FILE).exists()

    def tags(self) -> Iterable[str]:
        """List every tag."""
        return list(self.index().tags)

    def survey(self, tags: Collection[str], manifests: Collection[str] = ()) -> Survey:  # noqa: ARG002 - all is at hand
        """List every tag and read the digests of `tags`, at one moment."""
        held = self.index().tags
        return Survey(frozenset(held), {tag: found.digest if (found := held.get(tag)) else None for tag in tags})

    def open_blob(self, digest: str) -> BinaryIO:
        """Open what is stored under a digest. Raise `FileNotFoundError`, `StoreError`."""
        try:
            return os.fdopen(_opened(self._blob_path(digest)), "rb")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._failed(error) from error

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Say whether a blob is here, and whole as far as its size tells."""
        path = self._blob_path(descriptor.digest)
        with self._translated(), suppress(FileNotFoundError, NotADirectoryError):
            return path.stat().st_size == descriptor.size
        return False

    # Writing

    def abilities(self) -> Abilities:
        """Return what every layout can do."""
        return Abilities(deletes="tags", several_tags=True)

    def check_writable(self) -> None:
        """Prove that writing is allowed, leaving nothing behind. Raise `InputError`, `StoreError`."""
        from tempfile import TemporaryFile  # most runs write to no layout

        self.index()
        with self._translated(), TemporaryFile(dir=self._standing()):
            pass

    def put_blob(self, descriptor: Descriptor, opener: Opener, mount_from: Repository | None = None) -> None:  # noqa: ARG002
        """Write a blob, checked on the way; nothing is done where it is already. Raise `StoreError`."""
        if self.has_blob(descriptor):
            return
        path = self._blob_path(descriptor.digest)
        self._create()
        wanted = Digest(descriptor.digest)
        with opener() as source, self._file(path) as file:
            hashed, size = wanted.hasher(), 0
            while chunk := source.read(CHUNK):
                self._check_going_on()
                hashed.update(chunk)
                size += len(chunk)
                if size > descriptor.size:
                    break
                file.write(chunk)
            if size != descriptor.size or hashed.hexdigest() != wanted.encoded:
                raise StoreError(
                    f"blob {descriptor.digest} arrived with other bytes than its digest says",
                    "Run again; if it stays, the source is damaged.",
                    code="DIGEST_INVALID",
                    place=self.place,
                )

    def point(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Put `manifest` under each of `tags`, in one write of the index.

        Without tags it is kept as a blob, for an index to name; an artifact that is attached to another manifest gets
        an entry without a name, so that it is found. Raise `StoreError` when something that it needs is not here.
        """
        for tag in tags:
            check_tag(tag)
        with self._locked():
            self._point(manifest, tags)

    def claim(self, manifest: Manifest, tag: str) -> str:
        """Put `manifest` under `tag` unless another image stands there; return the digest that stands there now."""
        check_tag(tag)
        with self._locked():
            held = self.index().tags.get(tag)
            if held is not None and held.digest != manifest.digest:
                return held.digest
            self._point(manifest, [tag])
            return manifest.digest

    def untag(self, tag: str) -> None:
        """Remove one tag; its image stays, under its digest. Raise `NotFound`."""
        with self._locked():
            index = self.index()
            if tag not in index.tags:
                raise NotFound(f"there is no tag {tag}", code="MANIFEST_UNKNOWN", place=self.place)
            self._write_index(index.untagged(tag))

    def delete(self, digest: str) -> None:
        """Delete a manifest with every tag at it, and the blobs that nothing else here needs.

        Raise `NotFound`, and `StoreError` with the code DENIED where an image of several platforms needs it.
        """
        path = self._blob_path(digest)
        with self._locked():
            index = self.index()
            rest = index.without(digest)
            listed = digest in index.roots
            if not listed and not path.exists():
                raise NotFound(f"there is no manifest {digest}", code="MANIFEST_UNKNOWN", place=self.place)
            needed = self._reached(rest.roots.values())
            if not listed and digest in needed:
                raise StoreError(f"{digest} is part of another image", code="DENIED", place=self.place)
            ours = self._reached([index.roots[digest] if listed else self._manifest(digest, "").descriptor()])
            if listed:
                self._write_index(rest)
            for unneeded in ours - needed:
                self._blob_path(unneeded).unlink(missing_ok=True)

    # Inside

    def _point(self, manifest: Manifest, tags: Sequence[str]) -> None:
        index = self.index()
        if manifest.digest not in index.roots or not self.has_blob(manifest.descriptor()):
            self._require_parts(manifest)
            with self._file(self._blob_path(manifest.digest)) as file:
                file.write(manifest.content)
        if manifest.subject():
            index = index.listing(attached(manifest))
        self._write_index(index.pointed(manifest.descriptor(), tags))

    def _parts(self, manifest: Manifest, seen: set[str]) -> Iterator[tuple[Manifest, Descriptor]]:
        """Yield all that an image is made of, each part once, with the manifest that names it."""
        todo = [manifest]
        while todo:
            above = todo.pop()
            for part in above.children() + above.blobs():
                if part.digest not in seen:
                    seen.add(part.digest)
                    yield above, part
                    if part.media_type in MANIFEST_TYPES and self.has_blob(part):
                        todo.append(self._manifest(part.digest, part.media_type))

    def _reached(self, roots: Iterable[Descriptor]) -> set[str]:
        """Return the digests of `roots` and of all that they are made of."""
        reached: set[str] = set()
        for root in roots:
            if root.media_type in MANIFEST_TYPES and root.digest not in reached and self.has_blob(root):
                for _ in self._parts(self._manifest(root.digest, root.media_type), reached):
                    pass
            reached.add(root.digest)
        return reached

    def _require_parts(self, manifest: Manifest) -> None:
        """Raise `StoreError` when something that `manifest` needs is not here."""
        for parent, part in self._parts(manifest, set()):
            if not part.urls and not self.has_blob(part):
                what = f"the manifest for {part.platform}" if part.platform else "what it names"
                raise StoreError(
                    f"{parent.digest} is not whole: {what}, {part.digest}, is not here",
                    "If somebody deleted images at this moment, run again.",
                    code="MANIFEST_BLOB_UNKNOWN",
                    place=self.place,
                )

    def _blob_path(self, digest: str) -> Path:
        known = check_digest(digest)
        return self.path / "blobs" / known.algorithm / known.encoded

    def _standing(self) -> Path:
        """Return the directory, or the nearest one above it that exists."""
        return next(folder for folder in (self.path, *self.path.absolute().parents) if folder.exists())

    def _check_ours(self) -> None:
        """Raise `InputError` where the path is no layout and cannot become one."""
        try:
            version = json.loads(read_regular(self.path / LAYOUT_FILE, LARGEST_LAYOUT_FILE))
        except (FileNotFoundError, NotADirectoryError):
            standing = self._standing()
            if not standing.is_dir():
                raise InputError(f"{self.place}: {standing} is not a directory", _LAYOUTS) from None
            others = standing == self.path and any(not path.name.startswith(UNFINISHED) for path in self.path.iterdir())
            if others and not (self.path / LAYOUT_FILE).exists():  # it is the first file that a writer makes
                raise InputError(f"{self.place} holds something else: it has no {LAYOUT_FILE}", _LAYOUTS) from None
        except (ValueError, RecursionError) as error:
            raise self._broken(f"{LAYOUT_FILE} cannot be read: {error}") from error
        else:
            if not isinstance(version, dict) or version.get("imageLayoutVersion") != LAYOUT_VERSION:
                raise self._broken(f"{LAYOUT_FILE} names a version that is not known; {LAYOUT_VERSION} is")

    def _check_going_on(self) -> None:
        if self._stopped:
            raise StoreError("given up", code="STOPPED", place=self.place)

    def _create(self) -> None:
        if not (self.path / INDEX_FILE).exists():
            with self._locked():
                pass

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the layout against other writers; it is created where it is not there yet."""
        self._check_going_on()
        with self._translated():
            self._check_ours()
            _make_folders(self.path)
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self._wait_for_lock(folder)
                self._clear()
                self._check_ours()
                if not (self.path / LAYOUT_FILE).exists():
                    with self._file(self.path / LAYOUT_FILE) as file:
                        file.write(json.dumps({"imageLayoutVersion": LAYOUT_VERSION}).encode())
                self._check_no_link()
                _make_folders(self.path / "blobs" / "sha256")
                if not (self.path / INDEX_FILE).exists():
                    self._write_index(EMPTY)
                yield
            finally:
                os.close(folder)

    def _wait_for_lock(self, folder: int) -> None:
        """Take the lock; where somebody else holds it, say so, and wait until they are done or this run is stopped."""
        said, since = False, time.monotonic()
        while True:
            self._check_going_on()
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not said and time.monotonic() - since > PATIENCE:
                    said = True
                    self._say(f"{self.place} is locked by another program: waiting for it")
                time.sleep(0.02)
            else:
                return

    def _check_no_link(self) -> None:
        """Raise `StoreError` where a folder of the layout is a link: what is written would land elsewhere."""
        for folder in (self.path / "blobs", *(self.path / "blobs" / name for name in ("sha256", "sha512"))):
            if folder.is_symlink():
                raise self._broken(f"{folder} is a link")

    def _write_index(self, index: Index) -> None:
        """Write the index, unless it is the one that stands there."""
        if self._seen and self._seen.content is index:
            return
        with self._file(self.path / INDEX_FILE) as file:
            file.write(index.to_bytes())
            file.flush()
            kept = OpenFile(os.dup(file.fileno()))
        self._seen = _Seen(kept, _stamp(os.fstat(kept.descriptor)), index)

    @contextmanager
    def _file(self, path: Path) -> Iterator[BinaryIO]:
        """Write a file that appears under its name whole, or not at all."""
        with self._translated():
            while True:
                unfinished = self.path / f"{UNFINISHED}{os.urandom(8).hex()}"
                file = unfinished.open("xb")
                fcntl.flock(file, fcntl.LOCK_SH)
                if os.fstat(file.fileno()).st_nlink:
                    break
                file.close()  # taken for a dead writer's before it was locked
            try:
                with file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                    _make_folders(path.parent)
                    unfinished.replace(path)
                _sync(path.parent)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise

    def _clear(self) -> None:
        """Remove what writers left that were killed: a living one holds a lock on its file."""
        for path in self.path.glob(f"{UNFINISHED}*"):
            with suppress(OSError), os.fdopen(_opened(path), "rb") as file:  # not ours: a folder, a FIFO
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> StoreError:
        code = "DENIED" if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) else "FAILED"
        return StoreError(f"{error.strerror}: {error.filename or self.path}", code=code, place=self.place)


def attached(artifact: Manifest) -> Descriptor:
    """Return what a list of referrers says of an artifact (distribution-spec, "Listing Referrers")."""
    kind = artifact_type_of(artifact)
    annotations = artifact.document.get("annotations")
    return artifact.descriptor()._replace(
        artifact_type=kind,
        annotations={str(k): str(v) for k, v in annotations.items()} if isinstance(annotations, dict) else {},
    )


def _opened(path: Path) -> int:
    """Open a regular file for reading, and nothing that could keep us waiting."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return opened


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _make_folders(folder: Path) -> None:
    """Make a folder and those above it; each stands after a power cut too. Raise `OSError`."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        if folder == folder.parent:
            break
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        _sync(one.parent)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


_LAYOUTS = "Name a layout, an empty directory, or one that does not exist yet."

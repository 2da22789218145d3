"""An OCI layout in a directory as a repository."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tagger.errors import NotFound, StoreError
from tagger.images.files import CHUNK, OpenFile
from tagger.images.layout.content import LayoutContent, attached_descriptor
from tagger.images.layout.folder import Folder, open_regular
from tagger.images.layout.index import EMPTY, INDEX_FILE, LARGEST_INDEX, Index
from tagger.images.manifests import (
    MANIFEST_TYPES,
    Descriptor,
    Manifest,
)
from tagger.images.stores import Abilities, Opener, Snapshot
from tagger.meters import Meters, silent
from tagger.names import Digest, Repository, check_tag

__all__ = ["Layout"]


class _Seen(NamedTuple):
    """An index, and the file that it was read from: while the file is open, no other file gets its inode number."""

    file: OpenFile
    stamp: tuple[int, ...]
    content: Index


_PART = "Delete the image that names it: this part is then deleted too."


class Layout(LayoutContent):
    """An OCI image layout in a directory, which need not exist yet.

    Blobs are written before the index that names them, so a reader sees a complete layout at every moment.
    """

    jobs = 1
    can_delete = True

    def __init__(self, path: str | Path, say: Callable[[str], None] = lambda _: None, meters: Meters = silent) -> None:
        """Make the object, without access to the disk. `say` gets a sentence for the terminal while the run waits."""
        super().__init__()
        self._folder = Folder(path, say)
        self.path, self.place = self._folder.path, self._folder.place
        self.meter = meters(self.place)
        self._seen: _Seen | None = None

    def __repr__(self) -> str:
        return f"Layout({str(self.path)!r})"

    def stop(self) -> None:
        """Refuse all further writes. A copy in progress ends with an error."""
        self._folder.stop()

    # Reading

    def index(self) -> Index:
        """Return the current index; an empty one where there is no layout yet. Raise `InputError`, `StoreError`."""
        with self._folder.translate_errors():
            path = self.path / INDEX_FILE
            try:
                stamp = _stamp(path.stat())
            except (FileNotFoundError, NotADirectoryError):
                self._folder.check_ours()
                return EMPTY
            if self._seen and self._seen.stamp == stamp:
                return self._seen.content
            self._folder.check_ours()
            file = OpenFile(open_regular(path))
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

    def begin_listing(self) -> None:
        """Do nothing: there is nothing to wait for."""

    def tags(self) -> Iterable[str]:
        """List every tag."""
        return list(self.index().tags)

    def snapshot(self, tags: Collection[str], manifests: Collection[str] = ()) -> Snapshot:  # noqa: ARG002 - all is local
        """List every tag and read the digests of `tags` from one reading of the index."""
        held = self.index().tags
        return Snapshot(held.keys(), {tag: found.digest if (found := held.get(tag)) else None for tag in tags})

    def open_blob(self, digest: str) -> BinaryIO:
        """Open the blob with a digest. Raise `FileNotFoundError`, `StoreError`."""
        try:
            return os.fdopen(open_regular(self._folder.blob_path(digest)), "rb")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._folder.error_of(error) from error

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Say whether the layout has a blob with the right size."""
        path = self._folder.blob_path(descriptor.digest)
        with self._folder.translate_errors(), suppress(FileNotFoundError, NotADirectoryError):
            return path.stat().st_size == descriptor.size
        return False

    # Writing

    def abilities(self) -> Abilities:
        """Return the abilities, which are the same for every layout."""
        return Abilities(deletes="tags", several_tags=True)

    def check_writable(self) -> None:
        """Prove that writing is allowed, and leave nothing behind. Raise `InputError`, `StoreError`."""
        from tempfile import TemporaryFile  # most runs write to no layout

        self.index()
        with self._folder.translate_errors(), TemporaryFile(dir=self._folder.standing()):
            pass

    def put_blob(self, descriptor: Descriptor, opener: Opener, mount_from: Repository | None = None) -> None:  # noqa: ARG002
        """Write a blob and check its digest; do nothing where it exists already. Raise `StoreError`."""
        if self.has_blob(descriptor):
            return
        path = self._folder.blob_path(descriptor.digest)
        self._create()
        wanted = Digest(descriptor.digest)
        with opener() as source, self._folder.file(path) as file:
            hashed, size = wanted.hasher(), 0
            while chunk := source.read(CHUNK):
                self._folder.check_going_on()
                hashed.update(chunk)
                size += len(chunk)
                if size > descriptor.size:
                    break
                file.write(chunk)
            if size != descriptor.size or hashed.hexdigest() != wanted.encoded:
                raise StoreError(
                    f"blob {descriptor.digest} does not match its digest",
                    "Run again; if the error stays, the source is damaged.",
                    code="DIGEST_INVALID",
                    place=self.place,
                )

    def tag(self, manifest: Manifest, tags: Sequence[str]) -> None:
        """Put `manifest` under each of `tags`, in one write of the index.

        Without tags it is stored as a blob, for an index that names it. An artifact that is attached to another
        manifest gets an entry without a name, so that it is found. Raise `StoreError` when a part of it is missing.
        """
        for tag in tags:
            check_tag(tag)
        with self._lock():
            self._point(manifest, tags)

    def put_if_absent(self, manifest: Manifest, tag: str) -> str:
        """Put `manifest` under `tag` unless the tag holds another image; return the digest that it holds then."""
        check_tag(tag)
        with self._lock():
            held = self.index().tags.get(tag)
            if held is not None and held.digest != manifest.digest:
                return held.digest
            self._point(manifest, [tag])
            return manifest.digest

    def untag(self, tag: str) -> None:
        """Remove one tag. Its image stays, under its digest. Raise `NotFound`."""
        with self._lock():
            index = self.index()
            if tag not in index.tags:
                raise NotFound(f"there is no tag {tag}", code="MANIFEST_UNKNOWN", place=self.place)
            self._write_index(index.without_tag(tag))

    def delete(self, digest: str) -> None:
        """Delete a manifest with every tag at it, and the blobs that nothing else here needs.

        Raise `NotFound`, and `StoreError` with the code DENIED where an image of several platforms needs it.
        """
        path = self._folder.blob_path(digest)
        with self._lock():
            index = self.index()
            rest = index.without(digest)
            listed = digest in index.roots
            if not listed and not path.exists():
                raise NotFound(f"there is no manifest {digest}", code="MANIFEST_UNKNOWN", place=self.place)
            needed = self._reachable(rest.roots.values())
            if not listed and digest in needed:
                raise StoreError(f"{digest} is part of another image", _PART, code="DENIED", place=self.place)
            ours = self._reachable([index.roots[digest] if listed else self._manifest(digest, "").descriptor()])
            if listed:
                self._write_index(rest)
            for unneeded in ours - needed:
                self._folder.blob_path(unneeded).unlink(missing_ok=True)

    def empty(self) -> bool:
        """Return False: a layout has no way to delete everything at once."""
        return False

    def catalogue(self) -> None:
        """Return None: a manifest without a tag in a layout may be a build that somebody needs."""

    def restore(self, digest: str) -> bool:  # noqa: ARG002
        """Return False: a layout cannot bring back what was deleted."""
        return False

    # Inside

    def _point(self, manifest: Manifest, tags: Sequence[str]) -> None:
        index = self.index()
        if manifest.digest not in index.roots or not self.has_blob(manifest.descriptor()):
            self._require_parts(manifest)
            with self._folder.file(self._folder.blob_path(manifest.digest)) as file:
                file.write(manifest.content)
        if manifest.subject():
            index = index.with_entry(attached_descriptor(manifest))
        self._write_index(index.with_tags(manifest.descriptor(), tags))

    def _parts(self, manifest: Manifest, seen: set[str]) -> Iterator[tuple[Manifest, Descriptor]]:
        """Yield every part of an image once, with the manifest that names it."""
        todo = [manifest]
        while todo:
            above = todo.pop()
            for part in above.children() + above.blobs():
                if part.digest not in seen:
                    seen.add(part.digest)
                    yield above, part
                    if part.media_type in MANIFEST_TYPES and self.has_blob(part):
                        todo.append(self._manifest(part.digest, part.media_type))

    def _reachable(self, roots: Iterable[Descriptor]) -> set[str]:
        """Return the digests of `roots` and of all their parts."""
        reached: set[str] = set()
        for root in roots:
            if root.media_type in MANIFEST_TYPES and root.digest not in reached and self.has_blob(root):
                for _ in self._parts(self._manifest(root.digest, root.media_type), reached):
                    pass
            reached.add(root.digest)
        return reached

    def _require_parts(self, manifest: Manifest) -> None:
        """Raise `StoreError` when a part of `manifest` is missing."""
        for parent, part in self._parts(manifest, set()):
            if not part.urls and not self.has_blob(part):
                what = f"the manifest for {part.platform}" if part.platform else "a part"
                raise StoreError(
                    f"{parent.digest} is not complete: {what}, {part.digest}, is missing",
                    "If somebody deleted images at the same time, run again.",
                    code="MANIFEST_BLOB_UNKNOWN",
                    place=self.place,
                )

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Lock the layout against other writers; create it where it does not exist yet."""
        with self._folder.lock():
            if not (self.path / INDEX_FILE).exists():
                self._write_index(EMPTY)
            yield

    def _create(self) -> None:
        if not (self.path / INDEX_FILE).exists():
            with self._lock():
                pass

    def _write_index(self, index: Index) -> None:
        """Write the index, unless it is unchanged."""
        if self._seen and self._seen.content is index:
            return
        with self._folder.file(self.path / INDEX_FILE) as file:
            file.write(index.to_bytes())
            file.flush()
            kept = OpenFile(os.dup(file.fileno()))
        self._seen = _Seen(kept, _stamp(os.fstat(kept.descriptor)), index)


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size

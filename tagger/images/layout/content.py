"""Reads a layout in a directory or in an archive."""

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO

from tagger.errors import NotFound, StoreError
from tagger.images.blobs import Checked
from tagger.images.documents import object_in
from tagger.images.files import CHUNK
from tagger.images.layout.index import Index, broken
from tagger.images.manifests import (
    LARGEST_MANIFEST,
    MANIFEST_TYPES,
    Descriptor,
    Manifest,
    artifact_type_of,
    manifest_type,
)
from tagger.names import DIGEST, Digest, Repository, check_digest, check_tag

__all__ = ["LayoutContent", "attached_descriptor"]


class LayoutContent:
    """The content of a layout, in a directory or in an archive."""

    place: str
    repository: Repository | None = None

    lists_unnamed = True  # an index is deleted together with its platforms

    def __init__(self) -> None:
        self._subjects: dict[str, str | None] = {}

    def index(self) -> Index:
        """Return the current index. Raise `InputError`, `StoreError`."""
        raise NotImplementedError

    def open_blob(self, digest: str) -> BinaryIO:
        """Open the blob with a digest. Raise `FileNotFoundError`, `StoreError`."""
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
        """Open a blob as a stream that checks its digest. Raise `NotFound`, `StoreError`."""
        try:
            file = self.open_blob(descriptor.digest)
        except FileNotFoundError as error:
            raise NotFound(f"blob {descriptor.digest} is missing", code="BLOB_UNKNOWN", place=self.place) from error
        with file:
            yield io.BufferedReader(Checked(file, descriptor, self.place), CHUNK)

    def referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts attached to a manifest: those with an entry, and those of the referrers tag schema."""
        index = self.index()
        found: dict[str, Descriptor] = {}
        for root in index.roots.values():
            if self._subject(root) == digest:
                found[root.digest] = attached_descriptor(self._manifest(root.digest, root.media_type))
        fallback = index.tags.get(check_digest(digest).tag)
        if fallback is not None:
            listed = self._manifest(fallback.digest, fallback.media_type).children()
            found = {descriptor.digest: descriptor for descriptor in listed} | found
        return tuple(found.values())

    def listed_referrers(self, digest: str) -> Sequence[Descriptor]:
        """Return the artifacts attached to a manifest."""
        return self.referrers(digest)

    def _subject(self, root: Descriptor) -> str | None:
        """Return the digest of the subject of a manifest; None where there is none, or it cannot be read."""
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
            raise self._broken(f"manifest {digest} does not match its digest")
        return Manifest(manifest_type(content, media_type), content, named.algorithm)

    def _broken(self, message: str) -> StoreError:
        return broken(self.place, message)


def attached_descriptor(artifact: Manifest) -> Descriptor:
    """Return the descriptor of an artifact in a list of referrers (distribution-spec, "Listing Referrers")."""
    kind = artifact_type_of(artifact)
    return artifact.descriptor()._replace(
        artifact_type=kind,
        annotations={str(k): str(v) for k, v in object_in(artifact.document, "annotations").items()},
    )
